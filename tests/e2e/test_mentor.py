"""A mentor's interview with real speech and real workers: two stages in voice, one in writing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import httpx
import numpy as np
import pytest

from scripts.encoding import FLAC, encode
from services.audio.decoder import decoded
from tests.e2e.mentor import MentorClient, mentor_of
from tests.e2e.product import Product
from tests.e2e.stored import Stored, has_no_audio, place_for_a_product
from tests.e2e.worker import WorkerProcess
from tests.processes import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.redis]

LEASE_SECONDS = 10
PLACEHOLDER = "Pending transcription..."


@dataclass(frozen=True)
class Running:
    client: httpx.Client
    stored: Stored
    worker: Callable[[], WorkerProcess]


@pytest.fixture(scope="module")
def running(tmp_path_factory, redis_url, demo_model) -> Iterator[Running]:
    directory, names = tmp_path_factory.mktemp("product"), count()
    settings = {"REDIS_URL": redis_url, "LEASE_SECONDS": str(LEASE_SECONDS), "SWEEP_INTERVAL_SECONDS": "1"}
    with (
        place_for_a_product() as place,
        Product(directory / "var", **place.settings, **settings) as product,
        product.wait_until_ready() as client,
    ):
        environment = product.environment | {"MONGODB_URI": place.mongodb_uri, "WHISPER_MODEL": demo_model}

        def worker() -> WorkerProcess:
            return WorkerProcess(directory / f"worker-{next(names)}.out", environment)

        yield Running(client, place.stored, worker)


@pytest.fixture
def mentor(running) -> Iterator[MentorClient]:
    with mentor_of(running.client, 3) as found:
        yield found


@pytest.mark.covers("AC-2", "AC-3", "AC-4", "M-upload-url", "M-stream", "M-review", "M-submit")
def test_a_mentor_goes_on_at_once_and_the_transcripts_catch_up(running, mentor, spoken):
    with mentor.stream() as stream:
        # Nobody transcribes yet, and nobody waits for it.
        mentor.record(1, spoken[".wav"].content, "audio/wav")
        left_at = stream.until(1, "pending").last_event_id
    mentor.record(2, spoken[".m4a"].content, "audio/mp4")
    mentor.type(3, "I would do it again for $50.")
    assert mentor.statuses() == {1: "pending", 2: "pending", 3: "transcribed"}

    with mentor.stream(left_at) as stream, running.worker():
        stream.until(1, "transcribed").until(2, "transcribed")
        # Told before the line was cut: not told again.
        assert {"stage_id": 1, "status": "pending"} not in stream.told
        assert {"stage_id": 2, "status": "pending"} in stream.told
        assert {"stage_id": 3, "status": "transcribed"} in stream.told
        assert len({str(each) for each in stream.told}) == len(stream.told)
        review = mentor.read("review")
        edited = mentor.client.patch(mentor.path("response/2"), json={"response_text": "As it was meant."})
        submitted = mentor.client.post(mentor.path("submit"))
        stream.until(1, "submitted").until(2, "submitted").until(3, "submitted")

    first, second, third = review["responses"]
    assert (review["pending_count"], [each["is_placeholder"] for each in review["responses"]]) == (0, [False] * 3)
    assert spoken[".wav"].error_rate(first["response_text"]) <= 0.15, first
    assert spoken[".m4a"].error_rate(second["response_text"]) <= 0.15, second
    assert third["response_text"] == "I would do it again for $50."
    assert (first["duration_ms"], first["audio_url"]) == (45_000, None)
    assert first["whisper_model"]
    assert (edited.status_code, submitted.status_code) == (200, 200)
    assert mentor.read("response/2")["response_text"] == "As it was meant."
    wait_until(lambda: has_no_audio(running.stored))


@pytest.mark.covers("AC-5", "M-submit")
def test_a_mentor_submits_although_the_worker_has_died_and_what_was_waited_for_lands(running, mentor, spoken):
    long = encode(np.tile(decoded(spoken[".webm"].content, max_seconds=600)[0], 2), FLAC)
    mentor.type(2, "In writing.")
    with running.worker() as worker:
        mentor.record(1, long, "audio/flac")
        wait_until(lambda: mentor.read("response/1/status")["percent"] > 0, 90)
        worker.kill()

    assert mentor.statuses() == {1: "pending", 2: "transcribed"}
    assert [each["response_text"] for each in mentor.read("review")["responses"]] == [PLACEHOLDER, "In writing.", None]
    assert mentor.client.post(mentor.path("submit")).status_code == 200
    assert mentor.statuses() == {1: "pending", 2: "submitted"}

    with mentor.stream() as stream, running.worker():
        stream.until(1, "submitted")
    assert stream.told == [
        {"stage_id": 1, "status": "pending"},
        {"stage_id": 2, "status": "submitted"},
        {"stage_id": 1, "status": "submitted"},
    ]
    assert mentor.read("response/1")["response_text"]
    assert mentor.client.patch(mentor.path("response/1"), json={"response_text": "x"}).status_code == 409
