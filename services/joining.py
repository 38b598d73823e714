"""What services are joined from: settings, database, queue, and what several services share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from config import Settings
from services.access import OWNER, Access
from services.answers import Answers
from services.audit import Audit
from services.consents import Consents
from services.counting import Count, counting
from services.decisions import Decisions
from services.feedback import ChooseProvider
from services.feedback.choice import choose_provider
from services.feedback_jobs import MAX_ATTEMPTS, FeedbackJobs
from services.flags import Flags
from services.jobs import JobQueue
from services.leases import PATIENCE_SECONDS, LeasedWork
from services.models import AnswerRef
from services.scoring import Scoring
from services.sessions import Sessions
from services.signed_tokens import build_signed_tokens
from services.speech_models import SpeechModels
from services.storage.acceptance import AcceptanceStore
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.storage.audit import AuditStore
from services.storage.checkpoints import CheckpointStore
from services.storage.client import MongoDatabase
from services.storage.consents import ConsentStore
from services.storage.counters import CounterStore
from services.storage.decisions import DecisionStore
from services.storage.feedback_jobs import FeedbackJobStore
from services.storage.feedback_reports import FeedbackReportStore
from services.storage.flags import FlagStore
from services.storage.sessions import SessionStore
from services.storage.tokens import TokenStore
from services.storage.uploads import UploadStore
from services.storage.usage import UsageStore
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from services.watchdog import Watchdog
from services.webhook_parts import WebhookParts


@dataclass(frozen=True)
class Joining:
    """What services are joined from; what several of them share is built once."""

    settings: Settings
    database: MongoDatabase
    jobs: JobQueue
    build_transcriber: Callable[[], Transcriber]
    build_challenger: Callable[[], Transcriber] | None = None

    @cached_property
    def session_store(self) -> SessionStore:
        return SessionStore(self.database)

    @cached_property
    def answer_store(self) -> AnswerStore:
        return AnswerStore(self.database, lease_seconds=self.settings.lease_seconds)

    @cached_property
    def audio(self) -> AudioStore:
        return AudioStore(self.database)

    @cached_property
    def uploads(self) -> UploadStore:
        return UploadStore(self.database, self.audio)

    @cached_property
    def consents(self) -> Consents:
        return Consents(ConsentStore(self.database), self.audit, is_required=self.settings.require_consent)

    @cached_property
    def acceptance(self) -> AcceptanceStore:
        return AcceptanceStore(self.database, requires_consent=self.settings.require_consent)

    @cached_property
    def usage(self) -> UsageStore:
        return UsageStore(self.database)

    @cached_property
    def audit(self) -> Audit:
        return Audit(AuditStore(self.database))

    @cached_property
    def access(self) -> Access:
        signed = build_signed_tokens(self.settings, reserved=OWNER.user_id)
        return Access(TokenStore(self.database), self.session_store, signed)

    @cached_property
    def sessions(self) -> Sessions:
        return Sessions(self.session_store, self.flags, link_days=self.settings.session_link_days)

    @cached_property
    def answers(self) -> Answers:
        return Answers(self.uploads, self.acceptance, self.audio, self.usage, self.jobs)

    @cached_property
    def decisions(self) -> Decisions:
        return Decisions(DecisionStore(self.database), self.jobs, self.when_ended)

    @cached_property
    def flags(self) -> Flags:
        return Flags(FlagStore(self.database), self.settings.feature_flags, self.audit)

    @cached_property
    def counters(self) -> CounterStore:
        return CounterStore(self.database)

    @cached_property
    def count(self) -> Count:
        return counting(self.counters)

    @cached_property
    def choose_provider(self) -> ChooseProvider:
        return choose_provider(self.settings, self.flags, self.count)

    @cached_property
    def feedback_store(self) -> FeedbackJobStore:
        return FeedbackJobStore(self.database, lease_seconds=self.settings.lease_seconds)

    @cached_property
    def feedback_jobs(self) -> FeedbackJobs:
        reports = FeedbackReportStore(self.database)
        return FeedbackJobs(self.feedback_store, reports, self.jobs, self.webhooks.dispatch.hint)

    @cached_property
    def scoring(self) -> Scoring:
        return self._scoring(PATIENCE_SECONDS)

    @cached_property
    def scoring_at_once(self) -> Scoring:
        """The same within a request: with the database away, that is what whoever waits is told."""
        return self._scoring(patience_seconds=0)

    def _scoring(self, patience_seconds: float) -> Scoring:
        holder = self.settings.holder
        work = LeasedWork(self.watchdog, holder=holder, max_attempts=MAX_ATTEMPTS, patience_seconds=patience_seconds)
        return Scoring(self.feedback_store, self.session_store, self.choose_provider, work, self.feedback_jobs)

    @property
    def when_ended(self) -> Callable[[AnswerRef], None]:
        """What is called with each answer that is terminal now."""
        hearing = (self.webhooks.dispatch.when_ended, self.feedback_jobs.when_ended)

        def tell(ref: AnswerRef) -> None:
            for hear in hearing:
                hear(ref)

        return tell

    @cached_property
    def webhooks(self) -> WebhookParts:
        return WebhookParts(self.settings, self.database, self.jobs, self.audit, self.watchdog)

    @cached_property
    def loader(self) -> TranscriberLoader:
        return TranscriberLoader(self.build_transcriber)

    @cached_property
    def checkpoints(self) -> CheckpointStore:
        return CheckpointStore(self.database, lease_seconds=self.settings.lease_seconds)

    @cached_property
    def speech_models(self) -> SpeechModels:
        second = None if self.build_challenger is None else TranscriberLoader(self.build_challenger)
        return SpeechModels(self.loader, second, self.flags, self.checkpoints.planned_by)

    @cached_property
    def watchdog(self) -> Watchdog:
        return Watchdog(lease_seconds=self.settings.lease_seconds)
