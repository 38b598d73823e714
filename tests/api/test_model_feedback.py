"""Feedback by a model, as a client sees it: the same contract as by rules."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from config import Settings
from services.container import Services
from services.models import AnswerRef, Caller
from tests.api.conftest import Interview, audio, start_interview
from tests.chat_server import KEY, MODEL, ChatServer, Talk, chat_server
from tests.factories import settings_with

ADMIN = Caller("boss", role="admin")


@pytest.fixture
def model() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


@pytest.fixture
def settings(model: ChatServer) -> Settings:
    return settings_with(
        feedback_provider="openai", feedback_llm_url=model.url, feedback_llm_key=KEY, feedback_llm_model=MODEL
    )


def transcribed(client: FlaskClient, services: Services, token: str) -> Interview:
    interview = start_interview(client, token)
    accepted = client.post(interview.upload_path(), data=audio(), headers=interview.candidate).get_json()
    services.transcription.transcribe(AnswerRef(interview.id, "q1", accepted["answer_id"]))
    return interview


def analyzed(client: FlaskClient, interview: Interview) -> Any:
    return client.post(f"/api/analyze/{interview.id}", headers=interview.owner)


def feedback(client: FlaskClient, interview: Interview) -> dict[str, Any]:
    reply = client.get(f"/api/sessions/{interview.id}/feedback", headers=interview.owner)
    assert reply.status_code == 200, reply.text
    report: dict[str, Any] = reply.get_json()
    return report


def shape_of(value: Any) -> Any:
    """The names in a report, whatever stands under them."""
    if isinstance(value, dict):
        return {name: shape_of(each) for name, each in value.items() if name not in ("metadata", "feedback")}
    return [shape_of(each) for each in value] if isinstance(value, list) else None


@pytest.mark.covers("E2-S2.3", "E2-S1.2")
def test_a_report_by_a_model_has_the_shape_of_one_by_rules(client: FlaskClient, services: Services, token: str):
    services.flags.set(ADMIN, "llm_feedback", 0)
    by_rules = transcribed(client, services, token)
    assert analyzed(client, by_rules).status_code == 200
    services.flags.reset(ADMIN, "llm_feedback")
    by_model = transcribed(client, services, token)

    pending = analyzed(client, by_model)
    assert (pending.status_code, pending.get_json()["status"]) == (202, "analysis_pending")
    services.scoring.work(by_model.id)
    assert analyzed(client, by_model).status_code == 200
    one, other = feedback(client, by_rules), feedback(client, by_model)
    assert shape_of(one) == shape_of(other)
    parts = [part for report in (one, other) for part in report["answers"][0]["feedback"]]
    assert {frozenset(part) for part in parts} == {frozenset({"name", "score", "weight", "comment", "evidence"})}
    assert (one["metadata"]["provider"], other["metadata"]["provider"]) == ("rule_based", "openai")


@pytest.mark.covers("E2-S3.2", "E2-S3.3", "E7-S1.2")
def test_a_client_is_told_that_the_rules_scored_and_why(
    client: FlaskClient, services: Services, token: str, model: ChatServer
):
    model.answer = lambda talk: Talk.refuse(talk, 401)
    interview = transcribed(client, services, token)
    analyzed(client, interview)
    services.scoring.work(interview.id)

    metadata = feedback(client, interview)["metadata"]
    assert metadata["provider"] == "rule_based"
    assert metadata["fallback"] == {"provider": "openai", "reason": "unauthorized"}


@pytest.mark.parametrize("text", ["$answers", "$$ROOT", "$5 was your budget"])
def test_what_a_model_says_is_stored_as_it_is(
    client: FlaskClient, services: Services, token: str, model: ChatServer, text: str
):
    part = {"score": 50, "comment": text, "quotes": ["i led a team"]}
    model.answer = lambda talk: talk.complete(dict.fromkeys(talk.parts, part), model=text)
    interview = transcribed(client, services, token)
    analyzed(client, interview)
    services.scoring.work(interview.id)

    told = feedback(client, interview)["answers"][0]
    assert told["metadata"]["model"] == text
    assert told["feedback"][0]["comment"] == text
    (answer, *_) = analyzed(client, interview).get_json()["answers"]
    assert (answer["score"], answer["feedback"][0]["comment"]) == (told["score"], text)


@pytest.mark.covers("E6-S1.2")
def test_the_model_is_asked_under_the_id_of_the_request_that_it_is_for(
    client: FlaskClient, services: Services, token: str, model: ChatServer
):
    interview = transcribed(client, services, token)
    headers = {**interview.candidate, "X-Request-ID": "press-of-submit"}
    assert client.post(f"/api/sessions/{interview.id}/complete", headers=headers).status_code == 202
    services.scoring.work(interview.id)

    assert model.request_ids == ["press-of-submit"]
