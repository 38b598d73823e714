"""What scores interviews, over the real stores, and what tests of feedback begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.analysis import Analysis
from services.feedback import FeedbackProvider
from services.feedback.evaluation import (
    Evaluation,
    Evidence,
    Fallback,
    Feedback,
    FeedbackMetadata,
    FeedbackPart,
    SpokenAnswer,
    TokenUsage,
)
from services.feedback_jobs import MAX_ATTEMPTS, FeedbackJobs
from services.leases import LeasedWork
from services.models import AnswerRef, Session
from services.scoring import Scoring
from services.sessions import Sessions
from services.storage.client import MongoDatabase
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.feedback_reports import FeedbackReportStore
from services.watchdog import Watchdog
from tests.fakes import RememberingQueue
from tests.stores import HOLDER, MODEL, Stores, build_stores, flags_over, transcript_of

LEASE_SECONDS = 60


class WordsProvider:
    """Scores by the number of words; `meanwhile(answer)` runs at each score, and may raise."""

    name = "words"

    def __init__(self, *, is_instant: bool = True) -> None:
        self.is_instant = is_instant
        self.scored: list[str] = []
        self.meanwhile: Callable[[SpokenAnswer], object] = lambda answer: None

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        self.scored.append(answer.question.id)
        self.meanwhile(answer)
        said = answer.text.split()
        evidence = (Evidence(0, 1, said[0], "the point"),) if said else ()
        part = FeedbackPart("words", 10.0 * len(said), 1.0, "So many words.", evidence)
        metadata = FeedbackMetadata(self.name, "counter-1", 7, "p1", TokenUsage(len(said), 1))
        return Evaluation(Feedback(part.score, (part,)), metadata)


class SaysProvider:
    """Gives every answer 50 points, and says the same text wherever it may say something."""

    is_instant = True

    def __init__(self, text: str) -> None:
        self.name = text

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        text = self.name
        part = FeedbackPart(text, 50.0, 1.0, text, (Evidence(0, 1, text, text),))
        return Evaluation(Feedback(50.0, (part,)), FeedbackMetadata(text, text, 0, text, None, Fallback(text, text)))


@dataclass(frozen=True)
class Scored:
    """Every part of the way from an answer to a report, in a process of its own as it were."""

    stores: Stores
    queue: RememberingQueue
    store: FeedbackJobStore
    jobs: FeedbackJobs
    scoring: Scoring
    analysis: Analysis

    def session(self, session_id: str) -> Session:
        found = self.stores.sessions.find_unguarded(session_id)
        assert found is not None
        return found

    def say(self, session_id: str, question_id: str, text: str) -> AnswerRef:
        """A completed answer."""
        ref = self.stores.accept(session_id, question_id)
        self.stores.answers.complete(self.stores.claim(ref), transcript_of(text), MODEL)
        return ref

    def fail(self, session_id: str, question_id: str) -> None:
        claim = self.stores.claim(self.stores.accept(session_id, question_id))
        self.stores.answers.fail(claim, code="bad_audio", message="Damaged.", keeps_audio=False)

    def job(self, session_id: str) -> dict[str, Any]:
        found = self.stores.database["feedback_jobs"].find_one({"_id": session_id})
        assert found is not None
        return found

    def reports(self, session_id: str) -> list[dict[str, Any]]:
        return list(self.stores.database["feedback_reports"].find({"session_id": session_id}).sort("number", 1))

    def let_time_pass(self, session_id: str) -> None:
        """Let its lease run out, or the time come at which it is due: there is no clock to fake."""
        past = datetime.now(UTC) - timedelta(minutes=1)
        held = {"lease.expires_at": past} if "lease" in self.job(session_id) else {}
        changed = {"$set": {"due": past, **held}, "$unset": {"not_before": ""}}
        self.stores.database["feedback_jobs"].update_one({"_id": session_id}, changed)


def scored_over(database: MongoDatabase, provider: FeedbackProvider, queue: RememberingQueue | None = None) -> Scored:
    stores, queue = build_stores(database), queue or RememberingQueue()
    store = FeedbackJobStore(database, lease_seconds=LEASE_SECONDS)
    jobs = FeedbackJobs(store, FeedbackReportStore(database), queue)
    work = LeasedWork(Watchdog(lease_seconds=LEASE_SECONDS), holder=HOLDER, max_attempts=MAX_ATTEMPTS)
    scoring = Scoring(store, stores.sessions, lambda _: provider, work, jobs)
    sessions = Sessions(stores.sessions, flags_over(database), link_days=1)
    analysis = Analysis(sessions, jobs, scoring, lambda _: provider)
    return Scored(stores, queue, store, jobs, scoring, analysis)
