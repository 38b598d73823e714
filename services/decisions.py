"""What people decide about an answer after its acceptance: cancel it, call it failed, try it again."""

from collections.abc import Callable

import structlog

from services.errors import Conflict, NotFound, Unavailable
from services.jobs import JobQueue
from services.models import AnswerRef, Status
from services.storage.decisions import DecisionStore, Standing

log = structlog.get_logger()


class Decisions:
    """Each is in force when its call returns: a worker that is at the answer has lost it and stops at its next pulse.

    `when_ended` is called with each answer that ends by one of them.

    Every call raises `NotFound` for an answer that is gone or was recorded again, `Conflict` where its state stands
    against it, and `Unavailable`.
    """

    def __init__(
        self, store: DecisionStore, jobs: JobQueue, when_ended: Callable[[AnswerRef], None] = lambda _: None
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._when_ended = when_ended

    def cancel(self, ref: AnswerRef) -> None:
        """End an answer that is queued or processing as cancelled."""
        if not self._store.cancel(ref):
            standing = self._standing(ref)
            raise Conflict(f"The answer is {standing.status} already.", code="already_ended")
        log.info("An answer was cancelled.", answer_id=ref.answer_id)
        self._when_ended(ref)

    def mark_failed(self, ref: AnswerRef, message: str) -> None:
        """End an answer that is queued or processing as failed; `message` is a sentence for its owner."""
        if not self._store.mark_failed(ref, code="marked_failed", message=message):
            standing = self._standing(ref)
            raise Conflict(f"The answer is {standing.status} already.", code="already_ended")
        log.info("An answer was marked as failed.", answer_id=ref.answer_id)
        self._when_ended(ref)

    def retry(self, ref: AnswerRef) -> None:
        """Queue a failed or cancelled answer again, with attempts and crashes counted from zero."""
        if not self._store.retry(ref):
            raise _why_not_again(self._standing(ref))
        log.info("An answer is tried again.", answer_id=ref.answer_id)
        try:
            self._jobs.transcribe_answer(ref)
        except Unavailable as error:
            log.warning("The queue could not be reached; the sweep sends the answer.", error=error.message)

    def _standing(self, ref: AnswerRef) -> Standing:
        standing = self._store.standing(ref)
        if standing is None:
            raise NotFound("There is no such answer.", code="no_answer")
        return standing


def _why_not_again(standing: Standing) -> Conflict:
    if standing.status is Status.COMPLETED:
        return Conflict("The answer has its transcript already.", code="already_completed")
    if not standing.status.is_terminal:
        return Conflict(f"The answer is {standing.status} already.", code="not_ended")
    return Conflict("The recording is no longer stored. Please record the answer again.", code="recording_gone")
