"""Every service, built once per process."""

from collections.abc import Callable
from dataclasses import dataclass

from config import Settings
from services.access import OWNER, Access
from services.administration import Administration
from services.admission import Admission, Quotas
from services.analysis import Analysis
from services.answers import Answers
from services.assembling import Thresholds
from services.audit import Audit
from services.decisions import Decisions
from services.erasure import Erasure
from services.export import Export
from services.feedback import FeedbackProvider
from services.feedback.rule_based import RuleBasedFeedback
from services.health import Health
from services.idempotency import Idempotency
from services.jobs import JobQueue
from services.leases import LeasedWork
from services.links import Links
from services.live import LiveFeed
from services.recovery import Recovery
from services.retention import Retention
from services.review import Review
from services.sessions import Sessions
from services.signed_tokens import build_signed_tokens
from services.signed_uploads import SignedUploads
from services.storage.acceptance import AcceptanceStore
from services.storage.answer_lists import AnswerLists
from services.storage.answers import AnswerStore
from services.storage.audio import AudioStore
from services.storage.audit import AuditStore
from services.storage.changes import ChangeStream
from services.storage.checkpoints import CheckpointStore
from services.storage.client import MongoDatabase
from services.storage.decisions import DecisionStore
from services.storage.idempotency import IdempotencyStore
from services.storage.kept_uploads import KeptUploadStore
from services.storage.links import LinkStore
from services.storage.open_answers import OpenAnswerStore
from services.storage.revisions import RevisionStore
from services.storage.revocations import RevocationStream
from services.storage.sessions import SessionStore
from services.storage.signing_key import SigningKeyStore
from services.storage.tickets import TicketStore
from services.storage.tokens import TokenStore
from services.storage.tombstones import TombstoneStore
from services.storage.traces import TraceStore
from services.storage.transcripts import TranscriptStore
from services.storage.uploads import UploadStore
from services.storage.usage import UsageStore
from services.storage.workers import WorkerStore
from services.tickets import Tickets
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from services.transcription import Stores, Transcription
from services.transcripts import Transcripts
from services.upload_urls import UploadUrls
from services.watchdog import Watchdog

FEEDBACK_PROVIDERS: dict[str, Callable[[], FeedbackProvider]] = {"rule_based": RuleBasedFeedback}


@dataclass(frozen=True)
class Services:
    """What `app` and `tasks` call."""

    access: Access
    audit: Audit
    tickets: Tickets
    sessions: Sessions
    admission: Admission
    idempotency: Idempotency
    answers: Answers
    upload_urls: UploadUrls
    signed_uploads: SignedUploads
    decisions: Decisions
    review: Review
    transcripts: Transcripts
    analysis: Analysis
    links: Links
    live: LiveFeed
    health: Health
    transcription: Transcription
    watchdog: Watchdog
    transcriber: TranscriberLoader
    recovery: Recovery
    retention: Retention
    administration: Administration
    erasure: Erasure
    export: Export


def build_services(
    settings: Settings, database: MongoDatabase, jobs: JobQueue, build_transcriber: Callable[[], Transcriber]
) -> Services:
    """Join the services; nothing is connected, loaded or started by this."""
    session_store, answer_store = SessionStore(database), AnswerStore(database, lease_seconds=settings.lease_seconds)
    open_answers, audio, workers = OpenAnswerStore(database), AudioStore(database), WorkerStore(database)
    uploads, usage = UploadStore(database, audio), UsageStore(database)
    access = Access(TokenStore(database), session_store, build_signed_tokens(settings, reserved=OWNER.user_id))
    answers = Answers(uploads, AcceptanceStore(database), audio, usage, jobs)
    audit_log = Audit(AuditStore(database))
    decisions, failed_hours = Decisions(DecisionStore(database), jobs), settings.failed_audio_retention_hours
    sessions = Sessions(session_store, link_days=settings.session_link_days)
    loader, watchdog = TranscriberLoader(build_transcriber), Watchdog(lease_seconds=settings.lease_seconds)
    checkpoints = CheckpointStore(database, lease_seconds=settings.lease_seconds)
    return Services(
        access=access,
        tickets=Tickets(TicketStore(database), access),
        audit=audit_log,
        sessions=sessions,
        admission=Admission(usage, _quotas(settings)),
        idempotency=Idempotency(IdempotencyStore(database)),
        answers=answers,
        upload_urls=UploadUrls(SigningKeyStore(database), access, session_store),
        signed_uploads=SignedUploads(uploads, KeptUploadStore(database), answers),
        decisions=decisions,
        transcripts=Transcripts(RevisionStore(database)),
        review=Review(TranscriptStore(database), audit_log),
        analysis=Analysis(sessions, session_store, FEEDBACK_PROVIDERS[settings.feedback_provider]()),
        links=Links(LinkStore(database), audit_log, link_days=settings.session_link_days),
        live=LiveFeed(ChangeStream(database), RevocationStream(database), session_store.find_unguarded),
        health=Health(database, workers, loader),
        transcription=_transcription(settings, Stores(answer_store, audio, checkpoints), loader, watchdog),
        watchdog=watchdog,
        transcriber=loader,
        recovery=Recovery(open_answers, uploads, audio, jobs, holder=settings.holder),
        retention=Retention(audio, answer_store, session_store, failed_hours=failed_hours),
        administration=Administration(AnswerLists(database), decisions, audit_log, failed_hours=failed_hours),
        erasure=Erasure(TombstoneStore(database), TraceStore(database)),
        export=Export(RevisionStore(database), audio, audit_log),
    )


def _transcription(settings: Settings, stores: Stores, loader: TranscriberLoader, watchdog: Watchdog) -> Transcription:
    work = LeasedWork(watchdog, holder=settings.holder, max_attempts=settings.transcription_max_attempts)
    thresholds = Thresholds(settings.needs_review_below, settings.low_confidence_below)
    return Transcription(stores, loader, work, thresholds, max_seconds=settings.max_answer_seconds)


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        settings.max_open_answers,
        settings.max_open_answers_per_owner,
        settings.daily_bytes_per_owner,
        settings.daily_audio_minutes_per_owner,
    )
