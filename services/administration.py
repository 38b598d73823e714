"""What operators do about answers: see what failed, waits or is worked on, and decide about one or many of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.answer_status import status_of
from services.audit import Audit
from services.decisions import Decisions
from services.errors import Conflict, NotFound, ParleyError, Unavailable
from services.models import Caller, Status
from services.storage.answer_lists import AnswerLists, Place, QueueDepth

# The most answers that one call decides about: a few seconds' work, well within the time of an idempotency key's lease.
MOST_AT_ONCE = 200
MARKED_FAILED = "An operator ended the transcription of this recording."


class Action(StrEnum):
    """What may be decided; the words of the paths, of the commands and of the audit log."""

    RETRY = "retry"
    CANCEL = "cancel"
    FAIL = "fail"

    @property
    def applies_to(self) -> tuple[Status, ...]:
        ended = (Status.FAILED, Status.CANCELLED)
        return ended if self is Action.RETRY else (Status.QUEUED, Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class ListedAnswer:
    """An answer as operators see it: everything but what was said. `retained_until` is of the recording."""

    session_id: str
    question_id: str
    answer_id: str
    owner_id: str
    status: Status
    code: str | None
    message: str | None
    attempts: int
    crashes: int
    accepted_at: datetime
    ended_at: datetime | None
    request_id: str | None
    can_retry: bool
    retained_until: datetime | None


@dataclass(frozen=True, slots=True)
class AnswerPage:
    """Some answers, and the cursor of the next page (None: this was the last)."""

    answers: Sequence[ListedAnswer]
    next: tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one decision: "done", or the code and the sentence that say why not."""

    answer_id: str
    outcome: str
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Of many at once. `remaining` counts what the filter finds beyond them, `next` leads there."""

    outcomes: Sequence[Outcome]
    remaining: int = 0
    next: tuple[datetime, str] | None = None

    @property
    def done(self) -> int:
        return sum(each.outcome == "done" for each in self.outcomes)

    @property
    def refused(self) -> int:
        return len(self.outcomes) - self.done


@dataclass(frozen=True, slots=True)
class Which:
    """The answers that a filter finds, newest first, from after the (at, answer id) last seen."""

    status: Status
    code: str | None = None
    after: tuple[datetime, str] | None = None
    limit: int = MOST_AT_ONCE


class Administration:
    """Lists answers of all sessions and decides about them; each decision leaves a row in the audit log."""

    def __init__(self, lists: AnswerLists, decisions: Decisions, audit: Audit, *, failed_hours: int) -> None:
        self._lists = lists
        self._decisions = decisions
        self._audit = audit
        self._retained = timedelta(hours=failed_hours)

    def list_of(self, which: Which) -> AnswerPage:
        found = self._lists.list_of(which.status, code=which.code, before=which.after, limit=which.limit + 1)
        page = found[: which.limit]
        following = (page[-1].at, page[-1].ref.answer_id) if len(found) > which.limit else None
        return AnswerPage([self._listed(place) for place in page], following)

    def show(self, answer_id: str) -> ListedAnswer:
        """One answer; raises `NotFound` for one that is gone or was recorded again."""
        return self._listed(_found(self._lists.find([answer_id]), answer_id))

    def depth(self) -> QueueDepth:
        return self._lists.depth()

    def decide(self, actor: Caller, action: Action, answer_id: str, message: str = MARKED_FAILED) -> ListedAnswer:
        """Retry, cancel or fail one answer; raises `NotFound`, `Conflict` or `Unavailable`."""
        self._decide(actor, action, _found(self._lists.find([answer_id]), answer_id), message)
        return self.show(answer_id)

    def decide_each(
        self, actor: Caller, action: Action, answer_ids: Sequence[str], message: str = MARKED_FAILED
    ) -> Outcomes:
        """The same for many; one that is refused does not stop the others, a database that is away does."""
        places = self._lists.find(answer_ids)
        return Outcomes([self._outcome(actor, action, each, places, message) for each in dict.fromkeys(answer_ids)])

    def decide_all(self, actor: Caller, action: Action, which: Which, message: str = MARKED_FAILED) -> Outcomes:
        """The same for what a filter finds, as many as it allows."""
        found = self._lists.list_of(which.status, code=which.code, before=which.after, limit=which.limit)
        places = {place.ref.answer_id: place for place in found}
        outcomes = [self._outcome(actor, action, each, places, message) for each in places]
        if len(found) < which.limit:
            return Outcomes(outcomes)
        last = (found[-1].at, found[-1].ref.answer_id)
        remaining = self._lists.count(which.status, code=which.code, before=last)
        return Outcomes(outcomes, remaining, last if remaining else None)

    def _outcome(
        self, actor: Caller, action: Action, answer_id: str, places: Mapping[str, Place], message: str
    ) -> Outcome:
        try:
            self._decide(actor, action, _found(places, answer_id), message)
        except Unavailable:
            raise
        except ParleyError as error:
            return Outcome(answer_id, error.code, error.message)
        return Outcome(answer_id, "done")

    def _decide(self, actor: Caller, action: Action, place: Place, message: str) -> None:
        ref, status = place.ref, status_of(place.ref.question_id, place.answer)
        if status.status not in action.applies_to:
            raise Conflict(f"The answer is {status.status}.", code=f"answer_{status.status}")
        if action is Action.RETRY and not status.can_retry:
            raise Conflict("The recording is no longer stored: it has to be recorded again.", code="recording_gone")
        # Before the deed: what cannot be recorded is not done.
        details = {"answer_id": ref.answer_id, "question_id": ref.question_id}
        self._audit.record(
            f"answer.{action}", actor, session_id=ref.session_id, owner_id=place.owner_id, details=details
        )
        match action:
            case Action.RETRY:
                self._decisions.retry(ref)
            case Action.CANCEL:
                self._decisions.cancel(ref)
            case Action.FAIL:
                self._decisions.mark_failed(ref, message)

    def _listed(self, place: Place) -> ListedAnswer:
        answer, status = place.answer, status_of(place.ref.question_id, place.answer)
        error, ended_at = status.error or {}, answer.get("ended_at")
        return ListedAnswer(
            session_id=place.ref.session_id,
            question_id=place.ref.question_id,
            answer_id=place.ref.answer_id,
            owner_id=place.owner_id,
            status=status.status,
            code=error.get("code"),
            message=error.get("message"),
            attempts=answer.get("attempts", 0),
            crashes=answer.get("crashes", 0),
            accepted_at=answer["created_at"],
            ended_at=ended_at,
            request_id=answer.get("request_id"),
            can_retry=status.can_retry,
            retained_until=ended_at + self._retained if status.can_retry and ended_at else None,
        )


def _found(places: Mapping[str, Place], answer_id: str) -> Place:
    place = places.get(answer_id)
    if place is None:
        raise NotFound("There is no such answer.", code="no_answer")
    return place
