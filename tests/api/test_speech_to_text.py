"""The call that waits for its text, for clients that go back to it."""

import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask

from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import RunningServer, bearer, fail_the_transcriber
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.processes import wait_until

Hear = Callable[..., httpx.Response]


@pytest.fixture
def hear(server: RunningServer, token: str) -> Hear:
    def post(key: str | None = None) -> httpx.Response:
        headers = {**bearer(token), **({"Idempotency-Key": key} if key else {})}
        files = {"audio": ("a.wav", wav_of())}
        return httpx.post(
            f"{server.url}/api/files/speech/stt", files=files, headers=headers, timeout=30, trust_env=False
        )

    return post


@pytest.fixture
def worker(services: Services, queue: RememberingQueue) -> Iterator[None]:
    """Transcribes whatever is sent."""
    is_over = threading.Event()

    def work() -> None:
        done = 0
        while not is_over.wait(0.02):
            while done < len(queue.sent):
                services.transcription.transcribe(queue.sent[done])
                done += 1

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield
    is_over.set()
    thread.join()


@pytest.mark.covers("M-stt")
def test_a_recording_is_answered_with_its_text_and_is_kept_no_longer(
    hear: Hear, worker: None, database: MongoDatabase, transcriber: ScriptedTranscriber
) -> None:
    transcriber.text = "as it was said"
    reply = hear()
    assert reply.status_code == 200, reply.text
    assert reply.json()["text"] == "as it was said"
    wait_until(lambda: database["fs.files"].count_documents({}) == 0)
    assert database["fs.chunks"].count_documents({}) == 0


@pytest.mark.covers("M-stt")
def test_what_takes_longer_is_told_by_its_job_which_goes_on(
    app: Flask, hear: Hear, server: RunningServer, token: str, services: Services, queue: RememberingQueue
) -> None:
    app.config["SPEECH_TO_TEXT_SECONDS"] = 0.2
    reply = hear("k")
    assert (reply.status_code, reply.json()["code"]) == (503, "still_transcribing")
    assert int(reply.headers["Retry-After"]) > 0
    job = f"{server.url}{reply.json()['job']}"
    assert httpx.get(job, headers=bearer(token), trust_env=False).json()["status"] == "queued"
    services.transcription.transcribe(queue.sent[-1])
    assert httpx.get(job, headers=bearer(token), trust_env=False).json()["status"] == "completed"
    again = hear("k")
    assert (again.status_code, again.json()["job_id"]) == (200, reply.json()["job_id"])
    assert len(queue.sent) == 1


@pytest.mark.covers("M-stt")
def test_a_recording_that_cannot_be_heard_is_told_so(
    hear: Hear, worker: None, transcriber: ScriptedTranscriber
) -> None:
    fail_the_transcriber(transcriber)
    reply = hear()
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_audio")
    assert reply.json()["detail"] == "The recording is damaged."


def test_no_more_calls_wait_than_there_are_places_and_none_is_lost(
    app: Flask, hear: Hear, queue: RememberingQueue
) -> None:
    places = app.extensions["parley_waiting"]
    assert 1 <= places.free < 32
    places.free = 0
    reply = hear()
    assert (reply.status_code, reply.json()["code"]) == (503, "still_transcribing")
    assert [ref.session_id for ref in queue.sent] == [reply.json()["job_id"]]
