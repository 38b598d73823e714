"""Answering the stages of a mentor interview."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from services.admission import Quotas
from services.container import Services
from services.models import AnswerRef
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer, fail_the_transcriber
from tests.api.mentor.mentors import WAV, Mentor
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber

Hear = Callable[[], None]
OTHER_WAV = wav_of(0.3)


@pytest.mark.covers("M-upload-url", "M-response-post", "M-response-get", "M-fields")
def test_an_uploaded_recording_becomes_the_answer_to_its_stage(
    mentor: Mentor, interview: Interview, queue: RememberingQueue, hear: Hear
) -> None:
    asked = mentor.ask_for_address(2)
    made = asked.get_json()
    assert (asked.status_code, made["method"], made["url"]) == (201, "PUT", made["upload_url"])
    assert made["upload_url"].startswith(f"{made['audio_url']}?")
    assert mentor.token not in asked.text

    audio_url = mentor.send(2)
    posted = mentor.post(2, audio_url=audio_url, duration_ms=200, status="pending")
    assert posted.status_code == 202, posted.text
    assert posted.headers["Location"] == mentor.path("response/2/status")
    assert posted.headers["Retry-After"] == "2"
    response = posted.get_json()
    assert response == {
        "stage_id": 2,
        "question_id": "q2",
        "status": "pending",
        "duration_ms": 200,
        "error": None,
        "answer_id": response["answer_id"],
        "kind": "audio",
        "response_text": None,
        "audio_url": audio_url,
        "whisper_model": None,
        "revision": None,
        "no_speech": None,
        "needs_review": None,
    }
    assert queue.sent == [AnswerRef(interview.id, "q2", response["answer_id"])]
    assert mentor.get("response/2").get_json() == response

    hear()
    read = mentor.get("response/2")
    heard = read.get_json()
    assert (heard["status"], heard["response_text"], heard["whisper_model"]) == (
        "transcribed",
        "i led a team",
        "scripted",
    )
    # The recording is gone once its transcript is stored.
    assert (heard["audio_url"], heard["duration_ms"], read.headers["ETag"]) == (None, 200, '"1"')
    assert_problem(mentor.get("response/1"), 404, "no_answer")


@pytest.mark.covers("AC-2", "M-response-post")
def test_the_next_question_never_waits_for_a_transcription(
    mentor: Mentor, services: Services, queue: RememberingQueue, transcriber: ScriptedTranscriber
) -> None:
    listening, may_go_on = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        listening.set()
        assert may_go_on.wait(30)

    transcriber.before_window = hang
    assert mentor.record(1).status_code == 202
    worker = threading.Thread(target=services.transcription.transcribe, args=[queue.sent.pop()])
    worker.start()
    try:
        assert listening.wait(10)
        # The worker hangs in the first answer: the second one is taken all the same, and the first is taken again.
        assert mentor.record(2).get_json()["status"] == "pending"
        assert [each["status"] for each in mentor.progress()] == ["pending", "pending"]
        assert mentor.record(1).status_code == 202
    finally:
        may_go_on.set()
        worker.join()


@pytest.mark.covers("M-response-post", "M-fields")
def test_a_typed_answer_is_there_at_once(mentor: Mentor, queue: RememberingQueue) -> None:
    posted = mentor.post(1, response_text="I cost $50.", audio_url=None, duration_ms=None, status="pending")
    assert posted.status_code == 201, posted.text
    response = posted.get_json()
    assert (response["status"], response["response_text"], response["kind"]) == ("transcribed", "I cost $50.", "text")
    assert (response["audio_url"], response["duration_ms"], response["whisper_model"]) == (None, None, None)
    assert posted.headers["ETag"] == '"1"'
    assert queue.sent == []
    assert mentor.get("response/1").get_json() == response


def test_a_repeat_changes_nothing_whether_it_has_a_key_or_not(
    mentor: Mentor, queue: RememberingQueue, database: MongoDatabase
) -> None:
    audio_url = mentor.send(1)
    first, again = (mentor.post(1, audio_url=audio_url, duration_ms=200) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.get_json() == again.get_json()
    assert len(queue.sent) == 1

    key = {"Idempotency-Key": "typed-once"}
    typed = [mentor.type("in writing", 2, headers=headers) for headers in (key, key, None)]
    assert [each.status_code for each in typed] == [201, 201, 201]
    assert typed[1].headers["Idempotency-Replayed"] == "true"
    assert len({each.get_json()["answer_id"] for each in typed}) == 1
    assert_problem(mentor.type("something else", 2, headers=key), 422, "idempotency_key_reused")
    (kept,) = database["idempotency_keys"].find()
    assert kept["session_id"] == mentor.interview.id
    assert mentor.token not in str(kept)


def test_answering_again_takes_the_place_of_what_was_there(mentor: Mentor, hear: Hear, database: MongoDatabase) -> None:
    first = mentor.record(1).get_json()
    second = mentor.record(1).get_json()
    assert second["answer_id"] != first["answer_id"]
    hear()
    assert mentor.get("response/1").get_json()["answer_id"] == second["answer_id"]
    assert mentor.type("rather in writing").get_json()["response_text"] == "rather in writing"
    assert mentor.record(1).get_json()["status"] == "pending"
    hear()
    assert mentor.get("response/1").get_json()["response_text"] == "i led a team"
    assert database["fs.files"].count_documents({}) == 0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"status": "pending"},
        {"response_text": ""},
        {"response_text": "   "},
        {"response_text": "Pending transcription..."},
        {"response_text": "x" * 50_001},
        {"response_text": "\ud800"},
        {"response_text": 7},
        {"response_text": "x", "status": "submitted"},
        {"response_text": "x", "unknown": 1},
        {"response_text": "x", "audio_url": "http://127.0.0.1:8000/api/uploads/audio/" + "0" * 32},
        {"audio_url": "http://169.254.169.254/latest/meta-data"},
        {"audio_url": "https://elsewhere.example/api/uploads/audio/" + "0" * 32},
        {"audio_url": "http://127.0.0.1:8000@elsewhere.example/api/uploads/audio/" + "0" * 32},
        {"audio_url": "http://127.0.0.1:8000/api/uploads/audio/../audio/" + "0" * 32},
        {"audio_url": "http://127.0.0.1:8000/api/uploads/audio/" + "0" * 31},
        {"audio_url": "http://127.0.0.1:8000/api/uploads/audio/" + "A" * 32},
        {"audio_url": "file:///etc/passwd"},
        {"audio_url": ""},
        {"audio_url": "x" * 2_001},
    ],
)
def test_what_is_no_answer_is_refused_and_nothing_is_fetched(
    mentor: Mentor, body: dict[str, Any], queue: RememberingQueue
) -> None:
    assert_problem(mentor.post(1, **body), 422)
    assert (queue.sent, mentor.progress()) == ([], [])


@pytest.mark.parametrize("changes", [{"status": "transcribed"}, {"duration_ms": -1}, {"duration_ms": "long"}])
def test_a_recording_is_pending_whatever_its_sender_says(mentor: Mentor, changes: dict[str, Any]) -> None:
    body = {"audio_url": mentor.send(1), "status": "pending", **changes}
    assert_problem(mentor.post(1, **body), 422)
    assert mentor.progress() == []


def test_clients_may_send_all_of_their_fields_and_the_address_as_they_used_it(mentor: Mentor) -> None:
    made = mentor.ask_for_address(1).get_json()
    path = made["upload_url"].removeprefix("http://127.0.0.1:8000")
    assert mentor.client.put(path, data=WAV, content_type="audio/wav").status_code == 201
    body: dict[str, Any] = {"response_text": "", "status": "pending", "duration_ms": 199.6, "whisper_model": None}
    posted = mentor.post(1, audio_url=made["upload_url"], **body)
    assert (posted.status_code, posted.get_json()["duration_ms"]) == (202, 200)


def test_only_an_upload_of_this_stage_and_session_counts(
    mentor: Mentor, app: Flask, other_interview: Interview
) -> None:
    """Signed by us is not enough: it has to have come, and for just this question."""
    never_sent = mentor.ask_for_address(1).get_json()["audio_url"]
    of_another_stage = mentor.send(2)
    of_another_session = Mentor(mentor.client, other_interview).send(1)
    for audio_url in (never_sent, of_another_stage, of_another_session):
        assert_problem(mentor.post(1, audio_url=audio_url), 404, "no_such_upload")
    assert mentor.progress() == []


@pytest.mark.covers("M-upload-url")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"content_type": "video/avi"}, 415),
        ({"content_type": "application/json"}, 415),
        ({"bytes": 25 * 1024 * 1024 + 1}, 413),
        ({"bytes": 0}, 422),
        ({"bytes": "many"}, 422),
        ({"bytes": None}, 422),
        ({"stage_id": 3}, 404),
        ({"stage_id": 0}, 422),
        ({"stage_id": "1; drop"}, 422),
        ({"stage_id": 10**30}, 422),
        ({"stage_id": None}, 422),
        ({"session_id": "x"}, 422),
        ({"token": "nobodys"}, 401),
        ({"token": None}, 401),
        ({"token": 7}, 401),
        ({"token": ""}, 401),
    ],
)
def test_what_could_never_be_taken_gets_no_address(mentor: Mentor, changes: dict[str, Any], status: int) -> None:
    assert_problem(mentor.ask_for_address(**{"stage_id": 1, **changes}), status)


def test_an_address_may_be_asked_for_by_a_bearer_too(
    mentor: Mentor, interview: Interview, other_interview: Interview
) -> None:
    body = {"session_id": interview.id, "stage_id": 1, "content_type": "audio/wav", "bytes": len(WAV)}
    for shown in (interview.owner, interview.candidate):
        assert mentor.client.post("/api/upload-url", json=body, headers=shown).status_code == 201
    assert_problem(mentor.client.post("/api/upload-url", json=body), 401)
    assert_problem(mentor.client.post("/api/upload-url", json=body, headers=other_interview.candidate), 404)
    assert_problem(mentor.client.post("/api/upload-url", data=b"{" * 100_000), 413)
    assert_problem(mentor.client.post("/api/upload-url", data=b"[" * 50_000), 401)
    broken = {"data": b'{"token": ', "content_type": "application/json", "headers": interview.candidate}
    assert_problem(mentor.client.post("/api/upload-url", **broken), 400, "invalid_json")


def test_an_address_takes_one_recording_of_what_it_was_signed_for(mentor: Mentor) -> None:
    made = mentor.ask_for_address(1).get_json()
    path = made["upload_url"].removeprefix("http://127.0.0.1:8000")
    assert_problem(mentor.client.put(path, data=OTHER_WAV, content_type="audio/wav"), 422, "length_not_signed")
    assert_problem(mentor.client.put(path, data=WAV, content_type="audio/webm"), 415)
    assert_problem(mentor.client.put(path.replace("bytes=", "bytes=1"), data=WAV, content_type="audio/wav"), 401)
    assert_problem(mentor.client.put(made["audio_url"].removeprefix("http://127.0.0.1:8000"), data=WAV), 401)
    assert mentor.client.put(path, data=WAV, content_type="audio/wav").status_code == 201
    assert_problem(mentor.client.put(path, data=WAV, content_type="audio/wav"), 409, "upload_url_used")


@pytest.mark.covers("M-response-status")
def test_the_last_answer_can_be_waited_for(
    mentor: Mentor, hear: Hear, services: Services, queue: RememberingQueue
) -> None:
    assert_problem(mentor.get("response/2/status"), 404, "no_answer")
    mentor.record(2)
    waiting = mentor.get("response/2/status")
    assert waiting.headers["Retry-After"] == "2"
    assert waiting.get_json() == {
        "stage_id": 2,
        "question_id": "q2",
        "status": "pending",
        "duration_ms": 200,
        "error": None,
        "percent": 0,
        "eta_seconds": None,
    }
    hear()
    there = mentor.get("response/2/status")
    assert (there.get_json()["status"], there.get_json()["percent"]) == ("transcribed", 100)
    assert "Retry-After" not in there.headers


def test_a_failed_answer_stays_pending_and_says_why(
    mentor: Mentor, hear: Hear, transcriber: ScriptedTranscriber
) -> None:
    fail_the_transcriber(transcriber)
    mentor.record(1)
    hear()
    (told,) = mentor.progress()
    assert (told["status"], told["error"]["code"]) == ("pending", "bad_audio")
    assert mentor.get("response/1").get_json()["error"] == told["error"]
    assert "Retry-After" not in mentor.get("response/1/status").headers
    # Nothing comes by itself any more; it can be given again.
    assert mentor.type("in writing then").get_json()["error"] is None


def test_there_is_no_room_for_a_recording_while_the_queue_is_full_but_for_a_text(
    mentor: Mentor, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = mentor.send(1), mentor.send(2)
    assert mentor.post(1, audio_url=first).status_code == 202
    monkeypatch.setattr(services.admission, "_quotas", Quotas(0, 0, 0, 0))
    refused = mentor.post(2, audio_url=second)
    assert_problem(refused, 503, "queue_full")
    assert refused.headers["Retry-After"]
    # A repeat of what was taken, and what nobody has to hear, are not refused.
    assert mentor.post(1, audio_url=first).status_code == 202
    assert mentor.type("in writing", 2).status_code == 201


@pytest.mark.parametrize("stage_id", ["0", "3", "-1", "01x", "1.0", "x", "٣", "9" * 5000, "$ne", "%00"])
@pytest.mark.parametrize("rest", ["response/{}", "response/{}/status"])
def test_there_are_the_stages_of_the_interview_and_no_others(mentor: Mentor, stage_id: str, rest: str) -> None:
    assert_problem(mentor.get(rest.format(stage_id)), 404)
    if rest.endswith("{}"):
        assert_problem(mentor.post(stage_id, response_text="x"), 404)
        assert_problem(mentor.patch(stage_id, response_text="x"), 404)


def test_a_bearer_in_the_path_is_no_interviews_token(mentor: Mentor, token: str) -> None:
    for rest in ("progress", "review", "response/1", "stream"):
        assert_problem(mentor.client.get(f"/api/mentor-interview/{token}/{rest}", headers=bearer(token)), 401)
