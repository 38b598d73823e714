"""Analyze: pending, success or failed."""

import time
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.errors import Unavailable
from services.storage.feedback_jobs import FeedbackJobStore
from tests.api.conftest import Interview, fail_the_transcriber
from tests.fakes import ScriptedTranscriber

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]


def test_analyze_waits_for_every_transcript(
    client: FlaskClient,
    upload: Upload,
    services: Services,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    replies = []
    transcriber.before_window = lambda done: replies.append(
        client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    )
    upload("q2")
    transcribe(upload("q1"), "q1")

    assert replies[0].status_code == 202
    assert replies[0].get_json() == {
        "status": "transcription_pending",
        "message": "Waiting for 2 transcriptions to complete",
        "pending_count": 1,
        "processing_count": 1,
        "retry_after": 5,
    }
    assert replies[0].headers["Retry-After"] == "5"


def test_analyze_scores_what_was_said(
    client: FlaskClient, upload: Upload, transcribe: Transcribe, interview: Interview
) -> None:
    transcribe(upload())
    reply = client.post(f"/api/analyze/{interview.id}", headers=interview.owner)

    assert reply.status_code == 200
    report = reply.get_json()
    assert set(report) == {*("status", "final_score", "scored_count", "failed_count", "unanswered_count", "answers")}
    assert (report["status"], report["scored_count"], report["failed_count"], report["unanswered_count"]) == (
        *("success", 1, 0, 1),
    )
    (answer,) = report["answers"]
    assert answer["question_id"] == "q1"
    assert answer["transcript"] == "i led a team"
    assert report["final_score"] == answer["score"]
    assert 0 <= answer["score"] <= 100
    assert all(set(part) == {"name", "score", "weight", "comment", "evidence"} for part in answer["feedback"])


def test_analyze_again_is_the_same_report(
    client: FlaskClient, upload: Upload, transcribe: Transcribe, interview: Interview
) -> None:
    transcribe(upload())
    first = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json()
    assert client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json() == first


def test_analyze_says_failed_when_nothing_could_be_scored(
    client: FlaskClient,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    fail_the_transcriber(transcriber)
    transcribe(upload())
    reply = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    assert reply.status_code == 200
    report = reply.get_json()
    assert {name: report[name] for name in report if name != "answers"} == {
        "status": "failed",
        "final_score": None,
        "scored_count": 0,
        "failed_count": 1,
        "unanswered_count": 1,
    }
    assert report["answers"][0]["error"]["code"] == "bad_audio"


def test_analyze_of_an_interview_that_nobody_answered(client: FlaskClient, interview: Interview) -> None:
    report = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json()
    assert (report["status"], report["unanswered_count"], report["answers"]) == ("failed", 2, [])


def test_analyze_says_at_once_that_the_database_went_away_while_it_scored(
    client: FlaskClient, upload: Upload, transcribe: Transcribe, interview: Interview, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker waits for it; a person is not made to."""

    def away(*_: object, **__: object) -> None:
        raise Unavailable("The database is away.")

    def go_away(*_: object) -> None:
        for name in ("finish", "put_off", "find"):
            monkeypatch.setattr(FeedbackJobStore, name, away)
        away()

    transcribe(upload())
    monkeypatch.setattr(FeedbackJobStore, "finish", go_away)
    began = time.monotonic()
    reply = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    assert (reply.status_code, reply.get_json()["retryable"]) == (503, True)
    assert time.monotonic() - began < 30
