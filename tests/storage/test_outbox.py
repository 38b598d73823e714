"""Events are written by the very update that they are about, where somebody may listen, and nowhere else."""

from typing import Any

import pytest

from services.models import AnswerRef
from services.storage.answer_updates import path_of
from services.storage.changes import _as_change
from services.storage.decisions import DecisionStore
from services.storage.expressions import increased
from services.storage.outbox import MOST_ENTRIES, Event, announcement
from tests.stores import MODEL, Stores, transcript_of

pytestmark = pytest.mark.covers("Q-webhooks")


def outbox(stores: Stores, session_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = stores.session(session_id).get("outbox", [])
    return found


def types(stores: Stores, session_id: str) -> list[str]:
    return [each["type"] for each in outbox(stores, session_id)]


def complete(stores: Stores, ref: AnswerRef, text: str = "i led a team") -> None:
    stores.answers.complete(stores.claim(ref), transcript_of(text), MODEL)


def test_a_transcript_and_its_event_are_one_write_and_nothing_said_is_in_it(stores: Stores) -> None:
    session_id = stores.start("q1", "q2")
    ref = stores.accept(session_id)
    complete(stores, ref, "my secret plan")
    (entry,) = outbox(stores, session_id)
    session = stores.session(session_id)
    assert entry["data"] == {
        "session_id": session_id,
        "question_id": "q1",
        "answer_id": ref.answer_id,
        "status": "completed",
        "revision": 1,
        "error_code": None,
        "seq": session["seq"],
    }
    assert entry["at"] == session["updated_at"]
    assert "secret" not in str(entry)


def test_what_fails_and_what_is_cancelled_is_told_with_its_code(stores: Stores) -> None:
    session_id = stores.start("q1", "q2", "q3")
    stores.answers.fail(
        stores.claim(stores.accept(session_id)), code="bad_audio", message="no audio", keeps_audio=False
    )
    DecisionStore(stores.database).cancel(stores.accept(session_id, "q2"))
    assert [(each["type"], each["data"]["error_code"]) for each in outbox(stores, session_id)] == [
        ("answer.failed", "bad_audio"),
        ("answer.cancelled", None),
    ]


def test_the_last_answer_that_ends_says_so_of_the_session(stores: Stores) -> None:
    session_id = stores.start("q1", "q2")
    first, second = stores.accept(session_id), stores.accept(session_id, "q2")
    complete(stores, second)
    assert types(stores, session_id) == ["answer.transcribed"]
    complete(stores, first)
    assert types(stores, session_id)[1:] == ["answer.transcribed", "session.transcribed"]
    # And again when something was recorded again.
    complete(stores, stores.accept(session_id, "q2"))
    assert types(stores, session_id)[3:] == ["answer.transcribed", "session.transcribed"]


def test_a_submitted_session_does_not_wait_for_questions_that_were_left_out(stores: Stores) -> None:
    session_id = stores.start("q1", "q2")
    ref = stores.accept(session_id)
    stores.database["interview_sessions"].update_one({"_id": session_id}, {"$currentDate": {"submitted_at": True}})
    complete(stores, ref)
    assert types(stores, session_id) == ["answer.transcribed", "session.transcribed"]


@pytest.mark.parametrize("off", [{"$unset": {"notifies": ""}}, {"$set": {"notifies": None}}])
def test_where_nobody_listens_nothing_is_written(stores: Stores, off: dict[str, Any]) -> None:
    session_id = stores.start("q1")
    ref = stores.accept(session_id)
    stores.database["interview_sessions"].update_one({"_id": session_id}, off)
    complete(stores, ref)
    assert "outbox" not in stores.session(session_id)


def test_steps_that_end_nothing_tell_nothing(stores: Stores) -> None:
    claim = stores.claimed()
    stores.begin(claim)
    stores.hear(claim, 0)
    stores.answers.release(claim)
    assert "outbox" not in stores.session(claim.ref.session_id)


def test_an_announcement_alone_raises_no_seq_and_no_live_client_hears_of_it(stores: Stores) -> None:
    session_id = stores.start("q1")
    before = stores.session(session_id)["seq"]
    with stores.database["interview_sessions"].watch() as stream:
        event = Event("feedback.failed", {"session_id": session_id, "error_code": "$seq", "seq": increased("seq")})
        stores.database["interview_sessions"].update_one({"_id": session_id}, announcement(event))
        change = next(stream)
    assert _as_change(change) is None
    assert stores.session(session_id)["seq"] == before
    # What comes from outside is stored as it is.
    assert outbox(stores, session_id)[0]["data"]["error_code"] == "$seq"


def test_an_outbox_that_nobody_empties_stays_small(stores: Stores) -> None:
    session_id = stores.start("q1")
    sessions = stores.database["interview_sessions"]
    for number in range(3):
        events = [Event("feedback.failed", {"n": number * 400 + each}) for each in range(400)]
        sessions.update_one({"_id": session_id}, announcement(*events))
    kept = outbox(stores, session_id)
    assert [each["data"]["n"] for each in kept] == list(range(200, 1200))
    assert len(kept) == MOST_ENTRIES


def test_a_late_worker_announces_nothing(stores: Stores) -> None:
    session_id = stores.start("q1", "q2")
    ref = stores.accept(session_id)
    claim = stores.claim(ref)
    DecisionStore(stores.database).cancel(ref)
    with pytest.raises(Exception, match="taken over"):
        stores.answers.complete(claim, transcript_of(), MODEL)
    assert types(stores, session_id) == ["answer.cancelled"]
    assert path_of(ref) == "answers.q1"
