"""What is rolled out to an interview when it begins, and stays."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.models import Caller
from tests.api.conftest import assert_problem, audio, start_interview

ADMIN = Caller("boss", role="admin")
INTENT = {"question_id": "q1", "content_type": "audio/wav", "bytes": 100}


@pytest.mark.covers("E7-S3.3")
def test_an_interview_that_began_without_recordings_refuses_them_and_those_that_run_go_on(
    client: FlaskClient, token: str, services: Any, database: Any
):
    running = start_interview(client, token)
    services.flags.set(ADMIN, "audio_answers", 0)
    without = start_interview(client, token)

    refused = client.post(without.upload_path(), data=audio(), headers=without.candidate)
    assert_problem(refused, 403, "audio_not_enabled")
    signed = client.post(
        "/api/uploads/audio/presign", json={**INTENT, "session_id": without.id}, headers=without.candidate
    )
    assert_problem(signed, 403, "audio_not_enabled")
    assert database["fs.files"].count_documents({}) == 0
    assert client.post(running.upload_path(), data=audio(), headers=running.candidate).status_code == 202

    services.flags.reset(ADMIN, "audio_answers")
    again = client.post(without.upload_path(), data=audio(), headers=without.candidate)
    assert_problem(again, 403, "audio_not_enabled")


def test_an_interview_says_what_it_has(client: FlaskClient, token: str, services: Any):
    has = start_interview(client, token)
    services.flags.set(ADMIN, "audio_answers", 0)
    has_not = start_interview(client, token)

    for interview, expected in ((has, True), (has_not, False)):
        for headers in (interview.owner, interview.candidate):
            told = client.get(f"/api/sessions/{interview.id}", headers=headers).get_json()
            assert told["features"] == {"audio_answers": expected}


def test_an_interview_without_recordings_takes_typed_answers(client: FlaskClient, token: str, services: Any):
    services.flags.set(ADMIN, "audio_answers", 0)
    interview = start_interview(client, token)
    said = {"question_id": "q1", "type": "text", "response_text": "I led a team."}

    reply = client.post(f"/api/sessions/{interview.id}/responses", json=said, headers=interview.candidate)
    assert reply.status_code == 201


def test_an_interview_from_before_there_were_flags_goes_on(
    client: FlaskClient, token: str, services: Any, database: Any
):
    services.flags.set(ADMIN, "audio_answers", 0)
    interview = start_interview(client, token)
    database["interview_sessions"].update_one({"_id": interview.id}, {"$unset": {"details.features": ""}})

    assert client.post(interview.upload_path(), data=audio(), headers=interview.candidate).status_code == 202
    assert "features" not in client.get(f"/api/sessions/{interview.id}", headers=interview.owner).get_json()
