"""The interview screen's paths, fields and status words, to the letter."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import AnswerRef, Question
from tests.api.conftest import Interview, assert_problem, audio, fail_the_transcriber
from tests.factories import wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]


@pytest.mark.covers("I-upload")
def test_an_upload_is_answered_with_a_receipt(
    upload: Upload, interview: Interview, queue: RememberingQueue, stored_files: Callable[[], tuple[int, int]]
) -> None:
    content = wav_of()
    reply = upload(form=audio(content))

    assert reply.status_code == 202
    receipt = reply.get_json()
    assert receipt == {
        "status": "processing",
        "message": "Audio uploaded successfully, transcription in progress",
        "file_id": receipt["file_id"],
        "transcription_status": "queued",
        "answer_id": receipt["answer_id"],
        "bytes": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    assert reply.headers["Location"] == f"/api/transcription-status/{interview.id}/q1"
    assert int(reply.headers["Retry-After"]) > 0
    assert queue.sent == [AnswerRef(interview.id, "q1", receipt["answer_id"])]
    assert stored_files() == (1, 1)


def test_the_location_of_an_upload_tells_where_the_answer_stands(
    client: FlaskClient, upload: Upload, interview: Interview
) -> None:
    location = upload().headers["Location"]
    assert client.get(location, headers=interview.candidate).get_json()["status"] == "queued"


def test_duration_and_language_may_come_along(
    upload: Upload, transcribe: Transcribe, transcriber: ScriptedTranscriber
) -> None:
    reply = upload(form={**audio(), "duration_ms": "1000", "language": "de"})
    assert reply.status_code == 202
    transcribe(reply)
    assert transcriber.languages == ["de"]


def test_further_form_fields_do_no_harm(upload: Upload) -> None:
    assert upload(form={**audio(), "browser": "some"}).status_code == 202


@pytest.mark.covers("I-status")
def test_an_answer_that_waits(client: FlaskClient, upload: Upload, interview: Interview) -> None:
    answer_id = upload().get_json()["answer_id"]
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert status == {
        "status": "queued",
        "question_id": "q1",
        "kind": "audio",
        "answer_id": answer_id,
        "transcript": None,
        "no_speech": None,
        "language": None,
        "duration_seconds": None,
        "error": None,
        "progress": None,
        "eta_seconds": None,
        "created_at": status["created_at"],
        "transcribed_at": None,
        "whisper_model": None,
        "demo_model": None,
        "revision": None,
        "can_retry": False,
        "declared_duration_ms": None,
        "recording_incomplete": None,
        "partial_transcript": None,
        "confidence": None,
        "language_probability": None,
        "needs_review": None,
        "words_per_minute": None,
        "longest_pause_seconds": None,
        "gaps": [],
        "timing": None,
    }


def test_an_answer_that_is_being_heard_tells_its_progress(
    client: FlaskClient,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    seen = []
    transcriber.windows = 4
    transcriber.before_window = lambda done: seen.append(
        client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    )
    transcribe(upload())

    assert {status["status"] for status in seen} == {"processing"}
    assert seen[-1]["progress"] == {"stage": "transcribing", "windows_done": 3, "windows_total": 4, "percent": 75}
    assert seen[-1]["eta_seconds"] >= 0
    assert seen[0]["eta_seconds"] is None


@pytest.mark.covers("I-status")
def test_an_answer_that_was_heard(
    client: FlaskClient, upload: Upload, transcribe: Transcribe, interview: Interview
) -> None:
    accepted = upload()
    transcribe(accepted)
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert status == {
        "status": "completed",
        "question_id": "q1",
        "kind": "audio",
        "answer_id": accepted.get_json()["answer_id"],
        "transcript": "i led a team",
        "no_speech": False,
        "language": "en",
        "duration_seconds": 1.0,
        "error": None,
        "progress": None,
        "eta_seconds": None,
        "created_at": status["created_at"],
        "transcribed_at": status["transcribed_at"],
        "whisper_model": "scripted",
        "demo_model": True,
        "revision": 1,
        "can_retry": False,
        "declared_duration_ms": None,
        "recording_incomplete": None,
        "partial_transcript": None,
        "confidence": 0.9,
        "language_probability": 0.9,
        "needs_review": False,
        "words_per_minute": 240.0,
        "longest_pause_seconds": 0.0,
        "gaps": [],
        "timing": status["timing"],
    }
    assert all(seconds >= 0 for seconds in status["timing"].values())
    assert status["created_at"] < status["transcribed_at"]


def test_an_answer_without_speech_is_completed(
    client: FlaskClient,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    transcriber.text = ""
    transcribe(upload())
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert (status["status"], status["transcript"], status["no_speech"]) == ("completed", "", True)


def test_an_answer_that_failed_says_why(
    client: FlaskClient,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    fail_the_transcriber(transcriber)
    transcribe(upload())
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert status["status"] == "failed"
    assert status["error"] == {"code": "bad_audio", "message": "The recording is damaged."}


@pytest.mark.covers("I-session-status")
def test_the_summary_counts_every_state(
    client: FlaskClient, upload: Upload, transcribe: Transcribe, interview: Interview
) -> None:
    path = f"/api/transcription-status/{interview.id}"
    before = client.get(path, headers=interview.candidate).get_json()
    transcribe(upload("q1"))
    upload("q2")
    after = client.get(path, headers=interview.candidate).get_json()

    assert before == {
        "session_id": interview.id,
        "seq": 0,
        "summary": {"total": 0, "completed": 0, "processing": 0, "queued": 0, "failed": 0, "cancelled": 0},
        "answers": [],
        "whisper_model": None,
        "demo_model": False,
    }
    assert after["summary"] == {
        "total": 2,
        "completed": 1,
        "processing": 0,
        "queued": 1,
        "failed": 0,
        "cancelled": 0,
    }
    assert [(answer["question_id"], answer["status"]) for answer in after["answers"]] == [
        ("q1", "completed"),
        ("q2", "queued"),
    ]
    assert after["seq"] > before["seq"]


def test_the_status_of_a_question_without_an_answer_is_not_found(client: FlaskClient, interview: Interview) -> None:
    unanswered = client.get(f"/api/transcription-status/{interview.id}/q2", headers=interview.candidate)
    unknown = client.get(f"/api/transcription-status/{interview.id}/q3", headers=interview.candidate)
    assert_problem(unanswered, 404, "no_answer")
    assert_problem(unknown, 404, "no_such_question")


def test_a_new_recording_takes_the_place_of_the_old_one(
    client: FlaskClient, upload: Upload, interview: Interview, stored_files: Callable[[], tuple[int, int]]
) -> None:
    first, second = upload().get_json(), upload().get_json()
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert status["answer_id"] == second["answer_id"] != first["answer_id"]
    assert stored_files() == (1, 1)


def test_an_answer_is_accepted_while_the_queue_is_away(upload: Upload, queue: RememberingQueue) -> None:
    queue.is_away = True
    assert upload().status_code == 202


def test_answers_are_found_by_question_ids_of_every_allowed_character(
    client: FlaskClient, services: Services, interview: Interview, owner
) -> None:
    question_id = "-_" + "0123456789" * 4 + "ABCDEFGHIJKLMNOPQRSTUV"
    started = services.sessions.start(owner, [Question(question_id, "Why?")], language=None, details={})
    path = f"/api/upload-answer/{started.session.id}/{question_id}"
    reply = client.post(path, data=audio(), headers=interview.owner)
    assert reply.status_code == 202
    status = client.get(reply.headers["Location"], headers=interview.owner).get_json()
    assert status["question_id"] == question_id
