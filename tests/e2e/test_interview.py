import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import pytest

from config import ROOT
from scripts.encoding import FLAC, WEBM, encode
from tests.e2e.candidate import Candidate, all_ended, latest_of, listen
from tests.e2e.product import Product
from tests.e2e.stored import Stored, has_no_audio, place_for_a_product
from tests.processes import wait_until
from tests.recordings import silence, speech, video

pytestmark = pytest.mark.e2e

MAX_ANSWER_SECONDS = 90
DEMO_SECONDS = 90
THREE = (".webm", ".m4a", ".wav")


@dataclass(frozen=True)
class Running:
    product: Product
    client: httpx.Client
    stored: Stored


@pytest.fixture(scope="module")
def running(tmp_path_factory, demo_model) -> Iterator[Running]:
    """The product as `make run` starts it, with a look into its database."""
    environment = {"WHISPER_MODEL": demo_model, "MAX_ANSWER_SECONDS": str(MAX_ANSWER_SECONDS)}
    data_dir = tmp_path_factory.mktemp("product") / "var"
    with (
        place_for_a_product() as place,
        Product(data_dir, **place.settings, **environment) as product,
        product.wait_until_ready() as client,
    ):
        yield Running(product, client, place.stored)


@dataclass(frozen=True)
class Watched:
    """An interview of three answers and what its socket told from before the first upload to the last transcript."""

    candidate: Candidate
    messages: list[dict[str, Any]]

    @property
    def answers(self) -> dict[str, dict[str, Any]]:
        return latest_of(self.messages)


@pytest.fixture(scope="module")
def watched(running, spoken) -> Watched:
    candidate = Candidate.start(running.client, ["webm", "m4a", "wav"])
    live = candidate.live()
    for suffix in THREE:
        candidate.upload(suffix[1:], spoken[suffix].name, spoken[suffix].content)
    messages = listen(live, lambda latest: len(latest) == 3 and all_ended(latest))
    live.close()
    return Watched(candidate, messages)


def test_the_socket_begins_with_a_snapshot_and_its_seq_only_grows(watched):
    assert watched.messages[0]["type"] == "snapshot"
    assert watched.messages[0]["demo_model"] is True
    seqs = [message["seq"] for message in watched.messages]
    assert seqs == sorted(set(seqs))


@pytest.mark.covers("I-websocket", "C-websocket", "Q-push")
@pytest.mark.parametrize("question_id", ["webm", "m4a", "wav"])
def test_the_socket_tells_each_step_of_an_answer(watched, question_id):
    told = [message["status"] for message in watched.messages if message.get("question_id") == question_id]
    assert list(dict.fromkeys(told)) == ["queued", "processing", "completed"]


@pytest.mark.parametrize("suffix", THREE)
def test_what_was_said_is_what_is_read(watched, spoken, suffix):
    answer = watched.answers[suffix[1:]]
    assert spoken[suffix].error_rate(answer["transcript"]) <= 0.15, answer["transcript"]
    assert answer == watched.candidate.answers()[suffix[1:]]


@pytest.mark.covers("I-deleted", "C-flask")
def test_no_audio_is_left_once_the_transcripts_are_stored(running, watched):
    wait_until(lambda: has_no_audio(running.stored))


def test_more_than_a_minute_is_heard_in_windows_and_told_in_segments(running, watched):
    answer = watched.answers["webm"]
    assert answer["duration_seconds"] > 60
    progress = [
        message["progress"]
        for message in watched.messages
        if message.get("question_id") == "webm" and message.get("progress")
    ]
    done = [each["windows_done"] for each in progress if each["windows_total"]]
    assert done == sorted(done)
    assert done[-1] == progress[-1]["windows_total"] >= 3
    transcript = running.stored["transcripts"].find_one({"answer_id": answer["answer_id"]})
    assert transcript is not None
    segments = transcript["segments"]
    assert len(segments) >= 3
    assert all(one["start"] <= one["end"] <= answer["duration_seconds"] + 0.5 for one in segments)
    assert [one["start"] for one in segments] == sorted(one["start"] for one in segments)


def test_the_interview_is_scored(watched):
    reply = watched.candidate.analyze()
    report = reply.json()
    assert reply.status_code == 200, report
    assert report["status"] == "success"
    assert report["scored_count"] == 3
    assert 0 < report["final_score"] <= 100
    for answer in report["answers"]:
        assert all(part["comment"] for part in answer["feedback"])


def test_silence_is_an_answer_in_which_nothing_was_said(running):
    candidate = Candidate.start(running.client, ["q1"])
    candidate.upload("q1", "silence.webm", encode(silence(3), WEBM))
    answer = candidate.wait_for_all()["q1"]
    assert (answer["status"], answer["no_speech"], answer["transcript"]) == ("completed", True, "")


def test_recordings_that_cannot_be_heard_fail_with_their_reason_and_are_not_kept(running):
    beginning = encode(speech(), WEBM)[:200]
    recordings = {
        "corrupt": (beginning + Random(0).randbytes(4_000), "bad_audio"),
        "too-long": (encode(silence(MAX_ANSWER_SECONDS + 10), FLAC), "too_long"),
        "pictures": (video("webm", "libvpx"), "no_audio_track"),
    }
    candidate = Candidate.start(running.client, list(recordings))
    for question_id, (content, _) in recordings.items():
        candidate.upload(question_id, "answer.webm", content)

    answers = candidate.wait_for_all()

    told = {question_id: (answer["status"], answer["error"]["code"]) for question_id, answer in answers.items()}
    assert told == {question_id: ("failed", code) for question_id, (_, code) in recordings.items()}
    assert all(answer["error"]["message"] for answer in answers.values())
    wait_until(lambda: has_no_audio(running.stored))
    assert candidate.analyze().json()["status"] == "failed"


def test_the_demo_interviews_the_service_that_runs(running):
    command, environment = [sys.executable, "-m", "scripts.demo"], running.product.environment
    demo = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=DEMO_SECONDS, check=False
    )
    assert demo.returncode == 0, demo.stdout + demo.stderr
    assert f"Using the service that runs at http://127.0.0.1:{running.product.port}" in demo.stdout
    assert "5 of 5 answers were transcribed." in demo.stdout
    assert "DEMO MODEL" in demo.stdout
    rate = re.search(r"Word error rate over all of them: ([0-9.]+)%", demo.stdout)
    assert rate
    assert float(rate[1]) <= 15


def test_text_that_calls_itself_a_recording_is_refused_at_the_door(running):
    candidate = Candidate.start(running.client, ["q1"])
    files = {"audio": ("answer.webm", b"ffconcat version 1.0\nfile /etc/passwd\n")}
    reply = running.client.post(f"/api/upload-answer/{candidate.session_id}/q1", files=files)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")
    assert candidate.answers() == {}
