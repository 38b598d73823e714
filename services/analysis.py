"""The result of an interview: not before every transcript is there, then a score for each answer."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from services.answer_status import AnswerStatus, statuses_of
from services.feedback import ChooseProvider
from services.feedback.report import is_current
from services.feedback_jobs import RETRY_AFTER_SECONDS, FeedbackJobs, FeedbackStatus
from services.models import Caller, Session, Status
from services.scoring import AnswersChanging, Scoring
from services.sessions import Sessions
from services.storage.feedback_jobs import FeedbackJob

# As long as an instant provider may take at somebody else's hands, before that is said.
WAIT_SECONDS = 2.0
POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class TranscriptionPending:
    """Not yet: some answers have no transcript."""

    status: ClassVar = "transcription_pending"
    pending_count: int
    processing_count: int
    retry_after: int = RETRY_AFTER_SECONDS

    @property
    def message(self) -> str:
        waiting = self.pending_count + self.processing_count
        return f"Waiting for {waiting} transcription{'' if waiting == 1 else 's'} to complete"


@dataclass(frozen=True, slots=True)
class AnalysisPending:
    """Not yet: the transcripts are there, and are being scored."""

    status: ClassVar = "analysis_pending"
    retry_after: int = RETRY_AFTER_SECONDS


@dataclass(frozen=True, slots=True)
class Report:
    """The scores, 0–100. `final_score` is the mean over scored answers, None when nothing could be scored."""

    final_score: float | None
    scored_count: int
    failed_count: int
    unanswered_count: int
    answers: Sequence[AnswerStatus]


class Analysis:
    """Begins and reads the one feedback job of a session; the same answers give the same report."""

    def __init__(self, sessions: Sessions, jobs: FeedbackJobs, scoring: Scoring, choose: ChooseProvider) -> None:
        self._sessions = sessions
        self._jobs = jobs
        self._scoring = scoring
        self._choose = choose

    def analyze(self, caller: Caller, session_id: str) -> TranscriptionPending | AnalysisPending | Report:
        """The report of the session, or that it is too early; a provider that is instant scores within the call.

        Raises `AnswersChanging` if they do so all the while.
        """
        ends_at = time.monotonic() + WAIT_SECONDS
        while True:
            session = self._sessions.get(caller, session_id)
            found = _as_they_are(session)
            if found is not None:
                return found
            is_instant = self._choose(session.id).is_instant
            job = self._jobs.start(session, again_if_failed=is_instant)
            if job.status is Status.FAILED:
                return _without_scores(session)
            if not is_instant:
                # Once: who waits asks every few seconds, and what gets lost is sent by the sweep.
                if job.is_new:
                    self._jobs.send(session.id)
                return _pending(job)
            if self._is_put_off(session, job) or time.monotonic() > ends_at:
                return _pending(job)

    def _is_put_off(self, session: Session, job: FeedbackJob) -> bool:
        """Score it here and now, or wait a moment for who does already; whether it is left for later."""
        if job.status is Status.PROCESSING:
            time.sleep(POLL_SECONDS)
            return False
        self._scoring.work(session.id)
        status = self._jobs.status(session)
        if status.next_attempt_at is None:
            return False
        if (status.job.last_error or {}).get("code") == AnswersChanging.code:
            raise AnswersChanging
        return True


def _as_they_are(session: Session) -> TranscriptionPending | Report | None:
    """What there is to say without scoring anything; None where the answers have to be scored."""
    answers = statuses_of(session)
    pending = sum(answer.status is Status.QUEUED for answer in answers)
    processing = sum(answer.status is Status.PROCESSING for answer in answers)
    if pending or processing:
        return TranscriptionPending(pending, processing)
    return _report(session, answers) if not answers or is_current(session) else None


def _pending(job: FeedbackJob) -> AnalysisPending:
    return AnalysisPending(FeedbackStatus(job, 0).retry_after or RETRY_AFTER_SECONDS)


def _without_scores(session: Session) -> Report:
    """Scoring has failed: what an earlier report said of these answers is not their score."""
    return _report(session, [replace(answer, score=None, feedback=None) for answer in statuses_of(session)])


def _report(session: Session, answers: Sequence[AnswerStatus]) -> Report:
    scored = [answer.score for answer in answers if answer.score is not None]
    return Report(
        final_score=round(sum(scored) / len(scored), 1) if scored else None,
        scored_count=len(scored),
        failed_count=sum(answer.status in (Status.FAILED, Status.CANCELLED) for answer in answers),
        unanswered_count=len(session.questions) - len(answers),
        answers=answers,
    )
