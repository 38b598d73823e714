"""The result of an interview: not before every transcript is there, then a score for each answer."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import structlog

from services.answer_status import AnswerStatus, statuses_of
from services.errors import Unavailable
from services.feedback import FeedbackProvider
from services.feedback.evaluation import SpokenAnswer
from services.models import Caller, Session, Status
from services.sessions import Sessions
from services.storage.sessions import SessionStore

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 5


@dataclass(frozen=True, slots=True)
class TranscriptionPending:
    """Not yet: some answers have no transcript."""

    pending_count: int
    processing_count: int
    retry_after: int = RETRY_AFTER_SECONDS

    @property
    def message(self) -> str:
        waiting = self.pending_count + self.processing_count
        return f"Waiting for {waiting} transcription{'' if waiting == 1 else 's'} to complete"


@dataclass(frozen=True, slots=True)
class Report:
    """The scores, 0–100. `final_score` is the mean over scored answers, None when nothing could be scored."""

    final_score: float | None
    scored_count: int
    failed_count: int
    unanswered_count: int
    answers: Sequence[AnswerStatus]


class Analysis:
    """Scores an interview once all its answers are terminal; the same answers give the same report."""

    def __init__(self, sessions: Sessions, store: SessionStore, provider: FeedbackProvider) -> None:
        self._sessions = sessions
        self._store = store
        self._provider = provider

    def analyze(self, caller: Caller, session_id: str) -> TranscriptionPending | Report:
        """Score the session, or say that it is too early; raises `Unavailable` if answers keep changing meanwhile."""
        for _ in range(3):
            session = self._sessions.get(caller, session_id)
            answers = statuses_of(session)
            pending = sum(answer.status is Status.QUEUED for answer in answers)
            processing = sum(answer.status is Status.PROCESSING for answer in answers)
            if pending or processing:
                return TranscriptionPending(pending, processing)
            if not answers or (session.analysis is not None and session.analysis["seq"] == session.seq):
                return _report(session, answers)
            if self._score(session, answers):
                log.info("An interview was scored.", session_id=session.id, provider=self._provider.name)
        raise Unavailable("The answers keep changing. Please try again.", code="answers_changing")

    def _score(self, session: Session, answers: Sequence[AnswerStatus]) -> bool:
        questions = {question.id: question for question in session.questions}
        scores = {}
        for answer in answers:
            if answer.status is Status.COMPLETED:
                spoken = SpokenAnswer(
                    questions[answer.question_id], answer.transcript or "", answer.duration_seconds or 0.0
                )
                feedback = self._provider.evaluate(spoken).feedback
                parts = [asdict(part) for part in feedback.parts]
                scores[answer.question_id] = {"score": feedback.score, "feedback": parts}
        analysis = {"provider": self._provider.name, "scored_at": datetime.now(UTC)}
        return self._store.save_analysis(session, scores, analysis)


def _report(session: Session, answers: Sequence[AnswerStatus]) -> Report:
    scored = [answer.score for answer in answers if answer.score is not None]
    return Report(
        final_score=round(sum(scored) / len(scored), 1) if scored else None,
        scored_count=len(scored),
        failed_count=sum(answer.status in (Status.FAILED, Status.CANCELLED) for answer in answers),
        unanswered_count=len(session.questions) - len(answers),
        answers=answers,
    )
