"""The feedback of an interview as people ask for it: begun once, done by a job, read as it was made."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import Any, ClassVar

import structlog

from services.errors import Conflict, NotFound, ParleyError, Unavailable
from services.feedback.report import FeedbackReport, as_report, from_before, open_count
from services.jobs import JobQueue
from services.models import AnswerRef, Session, Status
from services.storage.feedback_jobs import FeedbackJob, FeedbackJobStore
from services.storage.feedback_reports import FeedbackReportStore

log = structlog.get_logger()

MAX_ATTEMPTS = 4
RETRY_AFTER_SECONDS = 5


class FeedbackNotReady(Conflict):
    """Raised where the feedback was asked for and is still on its way."""

    code = "feedback_not_ready"
    members: ClassVar[Mapping[str, Any]] = {"retryable": True}

    def __init__(self, *, retry_after_seconds: int) -> None:
        super().__init__("The feedback is not ready yet.")
        self.retry_after_seconds = retry_after_seconds


class FeedbackFailed(Conflict):
    """Raised where it could not be made; says why, in words that may be shown."""

    code = "feedback_failed"

    def __init__(self, last_error: Mapping[str, Any] | None) -> None:
        super().__init__((last_error or {}).get("message", "The feedback could not be made."))
        self.members: Mapping[str, Any] = {"last_error": last_error}


@dataclass(frozen=True, slots=True)
class FeedbackStatus:
    """Where the feedback of a session stands.

    `next_attempt_at` is None unless it waits after an attempt that failed, `retry_after` (seconds until it makes sense
    to ask again) once it has ended.
    """

    job: FeedbackJob
    waiting_for_transcripts: int
    max_attempts: int = MAX_ATTEMPTS

    @property
    def last_error(self) -> Mapping[str, Any] | None:
        """With the id of the request that asked for the feedback: what leads to the logs."""
        error = self.job.last_error
        return None if error is None else {**error, "requestId": self.job.request_id}

    @property
    def next_attempt_at(self) -> datetime | None:
        job = self.job
        is_put_off = job.status is Status.QUEUED and job.not_before is not None and job.not_before > job.seen_at
        return job.not_before if is_put_off else None

    @property
    def retry_after(self) -> int | None:
        if self.job.status.is_terminal:
            return None
        if self.next_attempt_at is None:
            return RETRY_AFTER_SECONDS
        return max(RETRY_AFTER_SECONDS, ceil((self.next_attempt_at - self.job.seen_at).total_seconds()))


@dataclass(frozen=True, slots=True)
class ReportPage:
    """Some reports without their answers, newest first, and the number that the next page is before."""

    reports: Sequence[FeedbackReport]
    next: int | None


class FeedbackJobs:
    """Begins jobs and tells of them; `Scoring` does them. `hint` is called with each session that was worked on."""

    def __init__(
        self,
        store: FeedbackJobStore,
        reports: FeedbackReportStore,
        queue: JobQueue,
        hint: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._store = store
        self._reports = reports
        self._queue = queue
        self._hint = hint

    def complete(self, session: Session) -> FeedbackStatus:
        """Ask for the feedback of a session: again is the same job, unless it has failed or its answers have changed.

        Nothing is scored by this, and no worker told: `send` does where `job.is_new`, or else the sweep. Raises
        `Unavailable`, and then nothing was promised.
        """
        return FeedbackStatus(self.start(session, again_if_failed=True), open_count(session))

    def start(self, session: Session, *, again_if_failed: bool) -> FeedbackJob:
        """The same for who works on it at once."""
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        return self._store.start(session, request_id=request_id, again_if_failed=again_if_failed)

    def wake(self, session_id: str) -> None:
        """Best effort, where an answer has ended: if its session's job waits for that, send it."""
        try:
            if self._store.wake(session_id):
                self.send(session_id)
        except ParleyError as error:
            log.warning("A feedback job was left to the sweep.", session_id=session_id, reason=error.message)

    def when_ended(self, ref: AnswerRef) -> None:
        """To be told of every answer that has ended, however it did; once too often does no harm."""
        self.wake(ref.session_id)

    def when_worked_on(self, session_id: str) -> None:
        """The job may have ended, and its event may wait to be told outside."""
        self._hint(session_id)

    def status(self, session: Session) -> FeedbackStatus:
        """Where it stands; raises `NotFound` where nobody has asked for it."""
        job = self._store.find(session.id)
        if job is None:
            raise _nobody_asked()
        return FeedbackStatus(job, 0 if job.status.is_terminal else open_count(session))

    def report(self, session: Session, number: int | None = None) -> FeedbackReport:
        """The newest report, or the one with this number; reading makes none.

        Raises `NotFound`, and without a number `FeedbackNotReady` and `FeedbackFailed`.
        """
        if number is not None:
            stored = self._reports.find(session.id, number)
            found = as_report(stored, session) if stored else from_before(session) if number == 0 else None
            if found is None:
                raise NotFound("There is no such report.", code="no_such_report")
            return found
        job = self._store.find(session.id)
        if job is None:
            if (found := from_before(session)) is None:
                raise _nobody_asked()
            return found
        status = FeedbackStatus(job, 0)
        if status.retry_after is not None:
            raise FeedbackNotReady(retry_after_seconds=status.retry_after)
        stored = self._reports.newest(session.id) if job.status is Status.COMPLETED else None
        if stored is None:
            raise FeedbackFailed(status.last_error)
        return as_report(stored, session)

    def history(self, session: Session, *, before: int | None, limit: int) -> ReportPage:
        """Every report there was, newest first; the one from before reports were kept as long as it is the newest."""
        found = self._reports.list_of(session.id, before=before, limit=limit + 1)
        page = [as_report(each, session) for each in found[:limit]]
        if before is None and not page and (only := from_before(session)) is not None:
            page = [only]
        return ReportPage(page, page[-1].number if len(found) > limit else None)

    def send(self, session_id: str) -> None:
        """Tell a worker. Best effort: the job is stored."""
        try:
            self._queue.give_feedback(session_id)
        except Unavailable as error:
            log.warning("The queue could not be reached; the sweep sends the feedback job.", error=error.message)


def _nobody_asked() -> NotFound:
    return NotFound("Nobody has asked for the feedback of this session yet.", code="no_feedback")
