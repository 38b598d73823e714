from typing import Any

import pytest
from flask.testing import FlaskClient

from services.container import Services
from services.models import AnswerRef, Caller, Session
from services.texts import LONGEST_TRANSCRIPT
from tests.factories import questions, recording_of
from tests.fakes import RememberingQueue
from tests.stores import Stores


@pytest.fixture
def session(services: Services, owner: Caller) -> Session:
    return services.sessions.start(owner, questions("q1", "q2"), language=None, details={}).session


@pytest.fixture
def ref(services: Services, session: Session, queue: RememberingQueue) -> AnswerRef:
    """A completed answer."""
    services.answers.accept(session, "q1", recording_of(), "owner")
    services.transcription.transcribe(queue.sent[-1])
    return queue.sent[-1]


@pytest.fixture
def edit(client: FlaskClient, token: str, session: Session):
    def edit(text: Any, if_match: str | None = '"1"', question_id: str = "q1"):
        headers = {"Authorization": f"Bearer {token}"} | ({"If-Match": if_match} if if_match is not None else {})
        path = f"/api/sessions/{session.id}/answers/{question_id}/transcript"
        return client.put(path, json={"text": text}, headers=headers)

    return edit


@pytest.mark.covers("E4-S3.2")
def test_an_edit_names_the_revision_it_was_read_at_and_gets_the_next(client, token, session, ref, edit):
    path = f"/api/transcription-status/{session.id}/q1"
    read = client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert read.headers["ETag"] == '"1"'
    edited = edit("I led two teams.", read.headers["ETag"])
    assert (edited.status_code, edited.headers["ETag"]) == (200, '"2"')
    assert (edited.json["transcript"], edited.json["revision"]) == ("I led two teams.", 2)
    read_again = client.get(path, headers={"Authorization": f"Bearer {token}"})
    assert (read_again.headers["ETag"], read_again.json) == ('"2"', edited.json)


def test_an_answer_without_a_transcript_has_no_etag(client, token, session, services):
    services.answers.accept(session, "q1", recording_of(), "owner")
    read = client.get(f"/api/transcription-status/{session.id}/q1", headers={"Authorization": f"Bearer {token}"})
    assert "ETag" not in read.headers
    assert (read.json["revision"], read.json["can_retry"]) == (None, False)


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ("", 428, "precondition_required"),
        ('"2"', 412, "precondition_failed"),
        ('W/"1"', 412, "precondition_failed"),
        ('"0", "2"', 412, "precondition_failed"),
        ("nonsense", 412, "precondition_failed"),
    ],
)
def test_an_edit_of_another_or_of_no_revision_is_refused(edit, ref, stores: Stores, if_match, status, code):
    reply = edit("Something else.", if_match)
    assert (reply.status_code, reply.json["code"]) == (status, code)
    assert stores.answer(ref)["revision"] == 1


@pytest.mark.parametrize("if_match", ["*", '"0", "1"'])
def test_an_edit_may_name_any_revision_or_several(edit, ref, if_match):
    assert edit("Something else.", if_match).status_code == 200


def test_an_answer_that_is_not_there_or_has_no_transcript_is_told_apart(edit, services, session):
    assert edit("text").status_code == 404
    services.answers.accept(session, "q1", recording_of(), "owner")
    reply = edit("text")
    assert (reply.status_code, reply.json["code"]) == (409, "not_completed")


@pytest.mark.parametrize("text", ["x" * 50_001, None, 7, "half \ud800 a pair"])
def test_a_text_that_is_none_is_refused(edit, ref, text):
    assert edit(text).status_code == 422


@pytest.mark.parametrize("text", ["", "🤷" * 50_000, "$answers"])
def test_a_long_or_odd_text_is_taken(edit, ref, text):
    reply = edit(text)
    assert (reply.status_code, reply.json["transcript"]) == (200, text)


def test_a_text_of_two_hours_is_taken_in_the_place_of_one_however_it_is_escaped(edit, ref, database):
    where = {"answers.q1.id": ref.answer_id}
    database["interview_sessions"].update_one(where, {"$set": {"answers.q1.transcript": "x" * 50_001}})
    longest = "🤷" * LONGEST_TRANSCRIPT
    reply = edit(longest)
    assert (reply.status_code, reply.json["transcript"]) == (200, longest)


def test_another_persons_transcript_is_not_found(client, services, session, ref):
    started = services.sessions.start(Caller("ada"), questions("q1"), language=None, details={})
    headers = {"Authorization": f"Bearer {started.link_token}", "If-Match": '"1"'}
    path = f"/api/sessions/{session.id}/answers/q1/transcript"
    assert client.put(path, json={"text": "mine"}, headers=headers).status_code == 404


def test_a_recording_that_arrived_short_says_so(client, token, services, session, queue: RememberingQueue):
    services.answers.accept(session, "q2", recording_of(declared_duration_ms=5000), "owner")
    services.transcription.transcribe(queue.sent[-1])
    read = client.get(f"/api/transcription-status/{session.id}/q2", headers={"Authorization": f"Bearer {token}"})
    assert (read.json["status"], read.json["recording_incomplete"]) == ("completed", True)
    assert (read.json["declared_duration_ms"], read.json["duration_seconds"]) == (5000, 1.0)
