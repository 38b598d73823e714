"""Changing what a stage's answer says: the mentor's edit, and the transcript of a worker that is not ours."""

from collections.abc import Callable
from typing import Any

import pytest

from services.access import OWNER
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer, fail_the_transcriber
from tests.api.mentor.mentors import Mentor
from tests.fakes import RememberingQueue, ScriptedTranscriber

Hear = Callable[[], None]


@pytest.fixture
def worker(services: Services, interview: Interview) -> dict[str, str]:
    """The key of a worker for the interviews of this one's owner."""
    owner = services.access.caller_of(interview.owner["Authorization"].removeprefix("Bearer "))
    return bearer(services.worker_keys.make(OWNER, owner.user_id, "w")[1])


@pytest.mark.covers("M-response-patch")
def test_the_mentor_edits_a_transcript(mentor: Mentor, hear: Hear, database: MongoDatabase) -> None:
    mentor.record(1)
    hear()
    edited = mentor.patch(1, response_text="I led a $team.")
    assert edited.status_code == 200, edited.text
    assert (edited.get_json()["response_text"], edited.get_json()["revision"]) == ("I led a $team.", 2)
    assert edited.headers["ETag"] == '"2"'
    assert mentor.patch(1, text="").get_json()["response_text"] == ""
    assert mentor.get("response/1").get_json()["whisper_model"] == "scripted"
    unsaid = dict.fromkeys(("text", "status", "whisper_model", "answer_id"))
    assert mentor.patch(1, response_text="We did.", **unsaid).get_json()["response_text"] == "We did."
    assert database["transcripts"].count_documents({}) == 4


def test_an_edit_may_name_its_revision_and_is_refused_where_that_is_gone(mentor: Mentor) -> None:
    tag = mentor.type("one").headers["ETag"]
    assert mentor.patch(1, response_text="two", headers={"If-Match": tag}).status_code == 200
    assert_problem(mentor.patch(1, response_text="three", headers={"If-Match": tag}), 412, "precondition_failed")
    assert mentor.patch(1, response_text="three", headers={"If-Match": "*"}).status_code == 200
    assert mentor.get("response/1").get_json()["response_text"] == "three"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"response_text": "x"}, 409, "not_completed"),
        ({"response_text": "Pending transcription..."}, 422, "placeholder_text"),
        # A worker that forgot its key is not the mentor.
        ({"response_text": "x", "status": "transcribed"}, 401, "worker_key_required"),
        ({"text": "x", "whisper_model": "base"}, 401, "worker_key_required"),
        ({"text": "x", "response_text": "x"}, 422, None),
        ({}, 422, None),
        ({"text": None}, 422, None),
        ({"text": "\ud800"}, 422, None),
        ({"text": "x", "status": "submitted"}, 422, None),
    ],
)
def test_what_is_no_edit_is_refused(mentor: Mentor, body: dict[str, Any], status: int, code: str | None) -> None:
    mentor.record(1)
    assert_problem(mentor.patch(1, **body), status, code)
    assert mentor.get("response/1").get_json()["response_text"] is None
    assert_problem(mentor.patch(2, response_text="x"), 404, "no_answer")


@pytest.mark.covers("M-response-patch", "M-fields")
@pytest.mark.parametrize("name", ["text", "response_text"])
def test_a_worker_with_its_key_writes_the_transcript_that_is_waited_for(
    mentor: Mentor, worker: dict[str, str], queue: RememberingQueue, hear: Hear, database: MongoDatabase, name: str
) -> None:
    answer_id = mentor.record(2).get_json()["answer_id"]
    said = {name: "i $led it", "status": "transcribed", "whisper_model": "large-v3"}
    written = mentor.patch(2, headers=worker, **said, answer_id=answer_id)
    assert written.status_code == 200, written.text
    told = written.get_json()
    assert (told["status"], told["response_text"], told["whisper_model"]) == ("transcribed", "i $led it", "large-v3")
    assert written.get_data() == mentor.patch(2, headers=worker, **said).get_data()
    # Our own worker finds nothing left to do.
    hear()
    assert mentor.get("response/2").get_json() == told
    assert database["fs.files"].count_documents({}) == 0
    assert mentor.patch(2, response_text="I led it.").get_json()["response_text"] == "I led it."
    assert_problem(mentor.patch(2, headers=worker, **said), 409)
    assert mentor.get("response/2").get_json()["response_text"] == "I led it."


def test_a_worker_that_has_heard_an_earlier_take_writes_nothing(mentor: Mentor, worker: dict[str, str]) -> None:
    earlier = mentor.record(1).get_json()["answer_id"]
    mentor.record(1)
    assert_problem(mentor.patch(1, headers=worker, text="of before", answer_id=earlier), 404, "no_answer")
    assert_problem(mentor.patch(2, headers=worker, text="of nothing"), 404, "no_answer")
    assert [each["status"] for each in mentor.progress()] == ["pending"]


def test_what_failed_with_us_may_be_heard_by_another(
    mentor: Mentor, worker: dict[str, str], hear: Hear, transcriber: ScriptedTranscriber
) -> None:
    """Where its recording is kept; of one that nobody could hear it is not."""
    fail_the_transcriber(transcriber)
    mentor.record(1)
    hear()
    assert_problem(mentor.patch(1, headers=worker, text="x"), 409, "answer_failed")


def test_only_a_worker_of_this_interviews_owner_counts(
    mentor: Mentor, services: Services, worker: dict[str, str], interview: Interview, other_interview: Interview
) -> None:
    mentor.record(1)
    others = bearer(services.worker_keys.make(OWNER, "somebody-else", "w")[1])
    assert_problem(mentor.patch(1, headers=others, text="x"), 404)
    for person in (interview.owner, interview.candidate, other_interview.candidate):
        assert_problem(mentor.patch(1, headers=person, text="x"), 403)
    for nobody in ({"Authorization": "Bearer x"}, {"Authorization": "Basic x"}, {"Authorization": ""}):
        assert_problem(mentor.patch(1, headers=nobody, text="x"), 401)
    # And the key does not help where the token is not one.
    assert_problem(mentor.client.patch("/api/mentor-interview/x/response/1", json={"text": "x"}, headers=worker), 401)
    assert mentor.get("response/1").get_json()["status"] == "pending"
