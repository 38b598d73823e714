"""With REQUIRE_CONSENT no recording comes in by any door before there is a consent, nor after it was withdrawn."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Settings
from services.container import Services
from services.errors import ConsentRequired
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, bearer, start_interview
from tests.factories import recording_of, settings_with, wav_of

TEXT = "I agree to my answers being recorded and transcribed."
CONTENT = wav_of()
INTENT = {"content_type": "audio/wav", "bytes": len(CONTENT)}


@pytest.fixture
def settings() -> Settings:
    return settings_with(require_consent=True)


def path_of(interview: Interview) -> str:
    return f"/api/sessions/{interview.id}/consent"


@pytest.fixture
def give(client: FlaskClient, interview: Interview) -> Callable[..., TestResponse]:
    def post(headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        return client.post(path_of(interview), json={"text": TEXT, **body}, headers=headers or interview.candidate)

    return post


def presign(client: FlaskClient, interview: Interview) -> TestResponse:
    said = {"session_id": interview.id, "question_id": "q1", **INTENT}
    return client.post("/api/uploads/audio/presign", json=said, headers=interview.candidate)


def doors(client: FlaskClient, interview: Interview) -> dict[str, TestResponse]:
    """What every door for recordings answers that needs no address of before."""
    candidate = interview.candidate
    return {
        "upload-answer": client.post(interview.upload_path(), data=audio(), headers=candidate),
        "presign": presign(client, interview),
        "upload-url": client.post(
            "/api/upload-url", json={"token": interview.link_token, "stage_id": 1, **INTENT}, headers=candidate
        ),
        "from-upload": client.post(
            f"{interview.upload_path()}/from-upload", json={"object_key": "0" * 32}, headers=candidate
        ),
    }


def nothing_is_stored(database: MongoDatabase) -> bool:
    return all(database[name].count_documents({}) == 0 for name in ("fs.files", "fs.chunks", "uploads", "kept_uploads"))


@pytest.mark.covers("Q-consent")
def test_no_door_takes_a_recording_without_consent(
    client: FlaskClient, interview: Interview, database: MongoDatabase
) -> None:
    for name, reply in doors(client, interview).items():
        problem = assert_problem(reply, 403)
        assert problem["code"] == "consent_required", name
    assert nothing_is_stored(database)


@pytest.mark.covers("Q-consent")
def test_the_candidate_gives_it_in_the_words_that_were_shown_and_may_answer(
    client: FlaskClient, interview: Interview, give: Callable[..., TestResponse]
) -> None:
    before = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate).get_json()
    assert (before["consent_required"], before.get("consent")) == (True, None)
    given_at = "2026-01-02T03:04:05+00:00"
    given = give(given_at=given_at)
    assert given.status_code == 201, given.text
    told = client.get(f"/api/sessions/{interview.id}", headers=interview.owner).get_json()["consent"]
    assert told == given.get_json()
    assert (told["text"], told["given_at"], told["given_by"]) == (TEXT, given_at, "candidate")
    assert datetime.fromisoformat(told["recorded_at"]) <= datetime.now(UTC)
    assert client.post(interview.upload_path(), data=audio(), headers=interview.candidate).status_code == 202
    assert presign(client, interview).status_code == 201


def test_the_owner_may_tell_of_it_and_say_so_at_the_start(
    client: FlaskClient, interview: Interview, give: Callable[..., TestResponse], token: str
) -> None:
    assert give(headers=interview.owner).get_json()["given_by"] == "owner"
    consent = {"text": TEXT, "given_at": "2026-01-02T03:04:05+00:00"}
    started = start_interview(client, token, consent=consent)
    assert client.post(started.upload_path(), data=audio(), headers=started.candidate).status_code == 202


@pytest.mark.covers("Q-consent")
def test_after_it_was_withdrawn_nothing_comes_in_and_what_there_is_stays(
    client: FlaskClient, interview: Interview, give: Callable[..., TestResponse], database: MongoDatabase
) -> None:
    give()
    address = presign(client, interview).get_json()["url"]
    assert client.post(interview.upload_path("q2"), data=audio(), headers=interview.candidate).status_code == 202
    for _ in range(2):
        assert client.delete(path_of(interview), headers=interview.candidate).status_code == 204
    for name, reply in doors(client, interview).items():
        assert assert_problem(reply, 403)["code"] == "consent_required", name
    sent = client.put(address.removeprefix("http://127.0.0.1:8000"), data=CONTENT, content_type="audio/wav")
    assert_problem(sent, 403, "consent_required")
    assert database["fs.files"].count_documents({}) == 1
    told = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate).get_json()["consent"]
    assert told["withdrawn_at"] is not None
    assert told["text"] == TEXT
    assert give().status_code == 201
    assert client.post(interview.upload_path(), data=audio(), headers=interview.candidate).status_code == 202


def test_what_is_withdrawn_while_a_recording_comes_counts(
    services: Services, client: FlaskClient, interview: Interview, give: Callable[..., TestResponse], database: Any
) -> None:
    give()
    session = services.sessions.get(services.access.caller_of(interview.link_token), interview.id)
    client.delete(path_of(interview), headers=interview.candidate)
    with pytest.raises(ConsentRequired):
        services.answers.accept(session, "q1", recording_of(), "candidate")
    assert nothing_is_stored(database)


def test_giving_and_withdrawing_is_in_the_audit_log(
    client: FlaskClient, interview: Interview, give: Callable[..., TestResponse], database: MongoDatabase
) -> None:
    assert_problem(client.delete(path_of(interview), headers=interview.candidate), 404, "no_consent")
    give()
    client.delete(path_of(interview), headers=interview.owner)
    rows = list(database["audit"].find({"action": {"$regex": "^consent"}}).sort("at", 1))
    assert [row["action"] for row in rows] == ["consent.give", "consent.withdraw"]
    assert TEXT not in str(rows)


@pytest.mark.covers("Q-consent")
def test_a_job_needs_the_word_of_whoever_sends_it(client: FlaskClient, token: str, database: MongoDatabase) -> None:
    for fields in ({}, {"consent": "false"}):
        reply = client.post("/api/transcribe", data={**audio(), **fields}, headers=bearer(token))
        assert_problem(reply, 403, "consent_required")
    assert nothing_is_stored(database)
    reply = client.post("/api/transcribe", data={**audio(), "consent": "true"}, headers=bearer(token))
    assert reply.status_code == 202


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "x" * 5_001}, {"text": "x", "given_at": "yesterday"}])
def test_what_is_no_consent_is_refused(client: FlaskClient, interview: Interview, body: dict[str, Any]) -> None:
    assert_problem(client.post(path_of(interview), json=body, headers=interview.candidate), 422)


def test_an_accepted_recording_is_told_again_also_after_a_withdrawal(
    client: FlaskClient, interview: Interview, give: Callable[..., TestResponse]
) -> None:
    give()
    headers = {**interview.candidate, "Idempotency-Key": "k"}
    first = client.post(interview.upload_path(), data=audio(), headers=headers)
    client.delete(path_of(interview), headers=interview.candidate)
    again = client.post(interview.upload_path(), data=audio(), headers=headers)
    assert (again.status_code, again.get_json()) == (202, first.get_json())
