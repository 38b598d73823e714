"""Scoring one interview: not before every transcript is there, and never as other than what was scored."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from services.errors import Unavailable
from services.feedback import ChooseProvider, FeedbackProvider
from services.feedback.evaluation import SpokenAnswer
from services.feedback.report import Told, composed, identity_of, in_order, made_of, open_count, told_of
from services.feedback_jobs import FeedbackJobs
from services.feedback_lease import FeedbackLease
from services.leases import Attempt, LeasedWork
from services.models import Session, Status
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.sessions import SessionStore

log = structlog.get_logger()

# Answers may change while they are scored; so often they are scored again at once.
LOOKS = 3


class AnswersChanging(Unavailable):
    """Raised when answers changed at each look."""

    code = "answers_changing"

    def __init__(self) -> None:
        super().__init__("The answers keep changing. Please try again.")


class Scoring:
    """Works on feedback jobs; any number of workers may be told of one, and one report comes of it."""

    def __init__(
        self,
        store: FeedbackJobStore,
        sessions: SessionStore,
        choose: ChooseProvider,
        work: LeasedWork,
        jobs: FeedbackJobs,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._choose = choose
        self._work = work
        self._jobs = jobs

    def work(self, session_id: str) -> None:
        """Score a session if its job waits and nothing else is missing."""
        try:
            job = self._store.find(session_id)
            if job is None or job.status.is_terminal:
                return
            # What is logged here, and sent to a provider, leads back to the request that asked for it.
            with bound_contextvars(request_id=job.request_id, session_id=session_id):
                if not self._has_to_wait(session_id):
                    lease = FeedbackLease(self._store, session_id)
                    self._work.work_on(lease, partial(self._work_on, lease))
                    self._jobs.when_worked_on(session_id)
        except Unavailable as error:
            log.warning("Feedback was left to the sweep.", session_id=session_id, reason=error.message)

    def _has_to_wait(self, session_id: str) -> bool:
        """Unclaimed: whoever ends the last answer finds a job that waits, and sends it."""
        session = self._sessions.find_unguarded(session_id)
        if session is None:
            self._store.remove(session_id)
            return True
        return open_count(session) > 0

    def _work_on(self, lease: FeedbackLease, attempt: Attempt) -> None:
        try:
            self._score(lease, attempt)
        except Exception as error:
            lease.note(error)
            raise

    def _score(self, lease: FeedbackLease, attempt: Attempt) -> None:
        provider = self._choose(lease.id)
        lease.recall(provider.name)
        for _ in range(LOOKS):
            session = attempt.insist(partial(self._sessions.find_unguarded, lease.id))
            if session is None or open_count(session):
                attempt.insist(lease.give_back)
                # Its last answer may have ended while nobody could claim it; an erased session's job goes by this.
                self._jobs.wake(lease.id)
                return
            lease.about = made_of(session)
            report = composed(session, _told(session, provider, lease, attempt))
            if attempt.insist(partial(self._store.finish, session, lease.token, report)):
                log.info("An interview was scored.", session_id=session.id, provider=provider.name)
                return
        raise AnswersChanging


def _told(session: Session, provider: FeedbackProvider, lease: FeedbackLease, attempt: Attempt) -> dict[str, Told]:
    """By question; what was scored already and has not changed since is not scored again."""
    told = {}
    for answer, spoken in _completed(session):
        if (identity := identity_of(answer)) not in lease.scores:
            lease.scores[identity] = told_of(provider.evaluate(spoken))
            if not provider.is_instant:
                attempt.renew(partial(lease.keep, spoken.question.id, identity))
        told[spoken.question.id] = lease.scores[identity]
    return told


def _completed(session: Session) -> Iterable[tuple[Mapping[str, Any], SpokenAnswer]]:
    questions = {question.id: question for question in session.questions}
    for question_id, answer in in_order(session):
        if answer["transcription_status"] == Status.COMPLETED:
            yield (
                answer,
                SpokenAnswer(
                    questions[question_id],
                    answer.get("transcript") or "",
                    answer.get("duration_seconds") or 0.0,
                    answer.get("language"),
                    answer.get("longest_pause_seconds"),
                ),
            )
