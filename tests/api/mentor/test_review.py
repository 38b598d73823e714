"""The end of a mentor interview: every answer is shown, and nothing that is slow stands in the way of submitting."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, fail_the_transcriber, start_interview
from tests.api.mentor.mentors import Mentor
from tests.api.signed_uploads import address_for, put, use
from tests.fakes import RememberingQueue, ScriptedTranscriber

Hear = Callable[[], None]
FOUR = [{"id": name, "prompt": f"What about {name}?"} for name in ("spoken", "typed", "waiting", "left")]


@pytest.fixture
def four(client: FlaskClient, token: str, mentor: Mentor) -> Mentor:
    """In an interview of four stages."""
    return Mentor(mentor.client, start_interview(client, token, questions=FOUR))


@pytest.mark.covers("AC-4", "M-review")
def test_the_review_shows_every_answer_and_none_is_missing(four: Mentor, hear: Hear, queue: RememberingQueue) -> None:
    four.record(1)
    hear()
    four.type("in writing", 2)
    four.record(3)
    review = four.review()
    assert (review["is_submitted"], review["submitted_at"], review["pending_count"]) == (False, None, 1)
    told = [
        (each["stage_id"], each["question_id"], each["status"], each["response_text"], each["is_placeholder"])
        for each in review["responses"]
    ]
    assert told == [
        (1, "spoken", "transcribed", "i led a team", False),
        (2, "typed", "transcribed", "in writing", False),
        (3, "waiting", "pending", "Pending transcription...", True),
        (4, "left", None, None, False),
    ]
    assert [each["is_answered"] for each in review["responses"]] == [True, True, True, False]
    assert [each["prompt"] for each in review["responses"]] == [each["prompt"] for each in FOUR]
    assert "model_answer" not in str(review)
    hear()
    assert [each["response_text"] for each in four.review()["responses"]] == [
        "i led a team",
        "in writing",
        "i led a team",
        None,
    ]


@pytest.mark.covers("M-progress")
def test_progress_lists_the_answered_stages_in_their_order(four: Mentor, hear: Hear) -> None:
    assert four.progress() == []
    four.record(3, duration_ms=45_000)
    four.type("in writing", 1)
    assert four.progress() == [
        {"stage_id": 1, "question_id": "spoken", "status": "transcribed", "duration_ms": None, "error": None},
        {"stage_id": 3, "question_id": "waiting", "status": "pending", "duration_ms": 45_000, "error": None},
    ]


def test_a_failed_answer_says_in_the_review_what_to_do(
    mentor: Mentor, hear: Hear, transcriber: ScriptedTranscriber
) -> None:
    fail_the_transcriber(transcriber)
    mentor.record(1)
    hear()
    review = mentor.review()
    (failed, _) = review["responses"]
    assert review["pending_count"] == 0
    assert (failed["status"], failed["error"]["code"], failed["is_placeholder"]) == ("pending", "bad_audio", True)
    assert failed["response_text"] == failed["error"]["message"]


@pytest.mark.covers("AC-5", "M-submit")
def test_without_a_worker_everything_stays_pending_and_submitting_is_not_blocked(
    mentor: Mentor, hear: Hear, queue: RememberingQueue
) -> None:
    queue.is_away = True
    assert mentor.record(1).status_code == 202
    assert mentor.record(2).status_code == 202
    assert [each["status"] for each in mentor.progress()] == ["pending", "pending"]
    assert {each["response_text"] for each in mentor.review()["responses"]} == {"Pending transcription..."}
    submitted = mentor.submit()
    assert submitted.status_code == 200, submitted.text
    assert [each["status"] for each in mentor.progress()] == ["pending", "pending"]
    assert mentor.review()["is_submitted"]


@pytest.mark.covers("AC-5", "M-submit")
def test_a_transcript_that_lands_after_submitting_lands_and_is_submitted(
    mentor: Mentor, hear: Hear, queue: RememberingQueue
) -> None:
    mentor.record(1)
    mentor.type("in writing", 2)
    assert mentor.submit().status_code == 200
    assert [each["status"] for each in mentor.progress()] == ["pending", "submitted"]
    hear()
    assert [each["status"] for each in mentor.progress()] == ["submitted", "submitted"]
    assert mentor.get("response/1").get_json()["response_text"] == "i led a team"


@pytest.mark.covers("M-submit")
def test_submitting_again_is_told_the_same_and_changes_nothing(
    mentor: Mentor, client: FlaskClient, database: MongoDatabase
) -> None:
    assert_problem(mentor.submit(), 409, "nothing_to_submit")
    mentor.type("in writing")
    first = mentor.submit()
    stored = list(database["interview_sessions"].find())
    again = mentor.submit()
    assert (first.status_code, first.get_json()["status"]) == (200, "submitted")
    assert again.get_data() == first.get_data()
    assert mentor.review()["submitted_at"] == first.get_json()["submitted_at"]
    session = client.get(f"/api/sessions/{mentor.review()['session_id']}", headers=mentor.interview.owner).get_json()
    assert session["submitted_at"] == first.get_json()["submitted_at"]
    assert list(database["interview_sessions"].find()) == stored


@pytest.mark.covers("M-submit")
def test_what_was_submitted_stays_as_it_is_whichever_door_is_tried(
    mentor: Mentor, client: FlaskClient, interview: Interview, stored_files: Callable[[], tuple[int, int]]
) -> None:
    mentor.type("in writing")
    sent, kept = mentor.send(1), address_for(client, interview)
    assert put(mentor.client, kept).status_code == 201
    mentor.submit()
    for refused in (
        mentor.ask_for_address(1),
        mentor.post(1, audio_url=sent),
        mentor.type("something else"),
        mentor.type("something else", 2),
        mentor.patch(1, response_text="something else"),
        client.post(interview.upload_path(), data=audio(), headers=interview.candidate),
        use(client, interview, kept.object_key),
        client.post(
            f"/api/sessions/{interview.id}/responses",
            json={"question_id": "q1", "type": "text", "response_text": "something else"},
            headers=interview.candidate,
        ),
    ):
        assert_problem(refused, 409, "already_submitted")
    assert mentor.get("response/1").get_json()["response_text"] == "in writing"
    assert stored_files()[0] == 0


def test_the_link_of_a_submitted_interview_edits_nothing_by_another_path_but_its_owner_may_correct_it(
    mentor: Mentor, client: FlaskClient, interview: Interview
) -> None:
    mentor.type("in writing")
    mentor.submit()
    path = f"/api/sessions/{interview.id}/answers/q1/transcript"
    body, tag = {"text": "corrected"}, {"If-Match": "*"}
    assert_problem(client.put(path, json=body, headers={**interview.candidate, **tag}), 409, "already_submitted")
    assert client.put(path, json=body, headers={**interview.owner, **tag}).status_code == 200
    assert mentor.get("response/1").get_json()["response_text"] == "corrected"
