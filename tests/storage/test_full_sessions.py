"""An interview that holds as much text as it can: no more is written to it, and what it has waited for still lands."""

from collections.abc import Callable

import pytest

from services.container import Services
from services.errors import Conflict
from services.models import AnswerRef, Caller, Session, Status
from services.outside_transcripts import OutsideText
from services.storage import room
from tests.factories import questions, recording_of
from tests.fakes import RememberingQueue
from tests.stores import Stores

MOST_BYTES = 50_000
WORKER = Caller("owner", role="worker", key_id="0123456789abcdef01234567")


@pytest.fixture
def full(
    services: Services, owner: Caller, stores: Stores, queue: RememberingQueue, monkeypatch: pytest.MonkeyPatch
) -> Session:
    """With an answer that is complete and one that waits."""
    assert room.MOST_BYTES == 12 * 1024 * 1024
    monkeypatch.setattr(room, "MOST_BYTES", MOST_BYTES)
    session = services.sessions.start(owner, questions("q1", "q2", "q3"), language=None, details={}).session
    services.answers.accept(session, "q1", recording_of(), "owner")
    services.transcription.transcribe(queue.sent[-1])
    services.answers.accept(session, "q2", recording_of(), "owner")
    stores.database["interview_sessions"].update_one({}, {"$set": {"details.tier": "x" * MOST_BYTES}})
    return services.sessions.get(owner, session.id)


CHANGES: dict[str, Callable[[Services, Caller, Session], object]] = {
    "typing": lambda to, who, full: to.typed_answers.accept(full, "q3", "me, too", "owner", key="a"),
    "an edit": lambda to, who, full: to.review.edit_transcript(who, full, "q1", "me, too", None),
    "a restoration": lambda to, who, full: to.review.restore_transcript(who, full, "q1", 1, None),
    "an outside worker": lambda to, who, full: to.outside_transcripts.write(WORKER, full, "q2", OutsideText("me, too")),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_no_text_of_people_and_outside_workers_is_taken(
    services: Services,
    owner: Caller,
    stores: Stores,
    full: Session,
    change: Callable[[Services, Caller, Session], object],
) -> None:
    before = stores.session(full.id)
    with pytest.raises(Conflict) as refused:
        change(services, owner, full)
    assert refused.value.code == "session_full"
    assert stores.session(full.id) == before


def test_what_is_waited_for_lands_and_recordings_are_taken(
    services: Services, stores: Stores, full: Session, queue: RememberingQueue
) -> None:
    services.transcription.transcribe(queue.sent[-1])
    receipt = services.answers.accept(full, "q3", recording_of(), "owner")
    services.transcription.transcribe(AnswerRef(full.id, "q3", receipt.answer_id))
    answers = stores.session(full.id)["answers"].values()
    assert {each["transcription_status"] for each in answers} == {Status.COMPLETED}


def test_one_that_is_only_long_takes_more(services: Services, stores: Stores, full: Session) -> None:
    stores.database["interview_sessions"].update_one({}, {"$set": {"details.tier": "x" * (MOST_BYTES - 10_000)}})
    assert services.typed_answers.accept(full, "q3", "me, too", "owner").status is Status.COMPLETED
