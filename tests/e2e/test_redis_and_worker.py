import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import numpy as np
import pytest

from scripts.encoding import FLAC, encode
from services.audio.decoder import decoded
from tests.e2e.candidate import Answer, Candidate, all_ended, latest_of, listen
from tests.e2e.product import Product
from tests.e2e.stored import Stored, has_no_audio, place_for_a_product
from tests.e2e.worker import WorkerProcess
from tests.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.redis]

START_SECONDS = 90
LEASE_SECONDS = 10


@dataclass(frozen=True)
class Running:
    """The web tier, which does not transcribe, and how to start workers for it."""

    product: Product
    client: httpx.Client
    stored: Stored
    worker: Callable[..., WorkerProcess]

    def worker_state(self) -> str:
        state: str = self.client.get("/readyz").json()["checks"]["worker"]["state"]
        return state


@pytest.fixture(scope="module")
def running(tmp_path_factory, redis_url) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("product")
    settings = {"REDIS_URL": redis_url, "LEASE_SECONDS": str(LEASE_SECONDS), "SWEEP_INTERVAL_SECONDS": "1"}
    data_dir, names = directory / "var", count()
    with (
        place_for_a_product() as place,
        Product(data_dir, **place.settings, **settings) as product,
        product.wait_until_ready() as client,
    ):
        environment = product.environment | {"MONGODB_URI": place.mongodb_uri}

        def worker(**more: str) -> WorkerProcess:
            return WorkerProcess(directory / f"worker-{next(names)}.out", environment | more)

        yield Running(product, client, place.stored, worker)


def test_a_named_model_that_cannot_be_loaded_ends_the_worker_with_the_reason(running):
    with running.worker(WHISPER_MODEL="/nowhere") as worker:
        assert worker.process.wait(START_SECONDS) != 0
        assert "WHISPER_MODEL" in worker.output
    readiness = running.client.get("/readyz")
    assert readiness.status_code == 503
    assert readiness.json()["checks"]["worker"]["state"] == "failed"
    assert "WHISPER_MODEL" in readiness.json()["checks"]["worker"]["detail"]


@pytest.mark.covers("I-workers", "C-actors", "C-in-process")
def test_a_separate_worker_transcribes_and_only_it_has_loaded_pytorch(running, demo_model, spoken):
    candidate = Candidate.start(running.client, ["webm", "m4a", "wav"])
    for suffix in (".webm", ".m4a", ".wav"):
        candidate.upload(suffix[1:], spoken[suffix].name, spoken[suffix].content)
    assert {answer["status"] for answer in candidate.answers().values()} == {"queued"}

    with running.worker(WHISPER_MODEL=demo_model) as worker:
        wait_until(lambda: running.worker_state() == "ready", START_SECONDS)
        answers = candidate.wait_for_all()
        assert any(_has_loaded_pytorch(pid) for pid in worker.pids)

    for suffix in (".webm", ".m4a", ".wav"):
        assert spoken[suffix].error_rate(answers[suffix[1:]]["transcript"]) <= 0.15
    assert candidate.analyze().json()["scored_count"] == 3
    assert running.product.children
    assert not any(_has_loaded_pytorch(pid) for pid in running.product.children)
    wait_until(lambda: has_no_audio(running.stored))


@pytest.mark.covers("I-workers")
def test_what_a_killed_worker_was_at_another_goes_on_with_when_its_lease_has_run_out(running, demo_model, spoken):
    candidate = Candidate.start(running.client, ["q1"])
    with running.worker(WHISPER_MODEL=demo_model) as worker:
        live = candidate.live()
        candidate.upload("q1", "long.flac", _repeated(spoken[".webm"].content, 2))
        messages = listen(live, _is_at_a_later_window)
        worker.kill()
    live.close()
    before = latest_of(messages)["q1"]
    assert before["status"] == "processing"

    with running.worker(WHISPER_MODEL=demo_model):
        live = candidate.live()
        messages = listen(live, all_ended)
        live.close()
    answer = latest_of(messages)["q1"]
    told = [each["progress"] for each in messages if each["type"] == "answer" and each["progress"]]
    heard = [each["windows_done"] for each in told if each["stage"] == "transcribing"]
    assert heard == sorted(heard)
    assert heard[0] >= before["progress"]["windows_done"] >= 1
    assert answer["transcript"].startswith(before["partial_transcript"])

    assert answer["status"] == "completed"
    session = running.stored["interview_sessions"].find_one({"_id": candidate.session_id})
    assert session is not None
    assert session["answers"]["q1"]["crashes"] == 1
    assert running.stored["transcripts"].count_documents({"answer_id": answer["answer_id"]}) == 1


def test_a_worker_whose_process_dies_comes_back_by_itself(running, demo_model, spoken):
    candidate = Candidate.start(running.client, ["q1"])
    with running.worker(WHISPER_MODEL=demo_model) as worker:
        live = candidate.live()
        candidate.upload("q1", "long.flac", _repeated(spoken[".webm"].content, 2))
        listen(live, _is_at_a_later_window)
        live.close()
        (working,) = (pid for pid in worker.pids if _has_loaded_pytorch(pid))
        os.kill(working, signal.SIGKILL)
        answer = candidate.wait_for_all()["q1"]
        assert "started again in 1 s" in worker.output

    assert answer["status"] == "completed"
    session = running.stored["interview_sessions"].find_one({"_id": candidate.session_id})
    assert session is not None
    assert session["answers"]["q1"]["crashes"] == 1


def _is_at_a_later_window(latest: dict[str, Answer]) -> bool:
    progress = latest.get("q1", {}).get("progress")
    return bool(progress and progress["windows_done"] >= 1)


def _repeated(recording: bytes, times: int) -> bytes:
    samples, _ = decoded(recording, max_seconds=600)
    return encode(np.tile(samples, times), FLAC)


def _has_loaded_pytorch(pid: int) -> bool:
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()
