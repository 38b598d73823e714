"""Every service, built once per process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from config import Settings
from services.access import Access
from services.administration import Administration
from services.admission import Admission, Quotas
from services.analysis import Analysis
from services.answers import Answers
from services.assembling import Thresholds
from services.audit import Audit
from services.consents import Consents
from services.decisions import Decisions
from services.erasure import Erasure
from services.expiry import Expiry, RetentionRules
from services.export import Export
from services.feedback_jobs import FeedbackJobs
from services.figures import Figures
from services.flags import Flags
from services.health import Health
from services.idempotency import Idempotency
from services.jobs import JobQueue
from services.joining import Joining
from services.joining_jobs import jobs_and_keeping
from services.leases import LeasedWork
from services.links import Links
from services.live import LiveFeed
from services.opinions import Opinions
from services.outside_transcripts import OutsideTranscripts
from services.recovery import Recovery
from services.resending import Resending
from services.retention import Retention
from services.review import Review
from services.scoring import Scoring
from services.search import Search
from services.sessions import Sessions
from services.signed_uploads import SignedUploads
from services.storage.answer_lists import AnswerLists
from services.storage.backfill import Backfill
from services.storage.changes import ChangeStream
from services.storage.client import MongoDatabase
from services.storage.feedback_reports import FeedbackReportStore
from services.storage.idempotency import IdempotencyStore
from services.storage.kept_uploads import KeptUploadStore
from services.storage.links import LinkStore
from services.storage.open_answers import OpenAnswerStore
from services.storage.opinions import OpinionStore
from services.storage.outside_transcripts import OutsideTranscriptStore
from services.storage.quality import QualityStore
from services.storage.queues import QueueStore
from services.storage.retention_rules import RetentionRuleStore
from services.storage.revisions import RevisionStore
from services.storage.revocations import RevocationStream
from services.storage.search import SearchStore
from services.storage.signing_key import SigningKeyStore
from services.storage.submissions import SubmissionStore
from services.storage.tickets import TicketStore
from services.storage.tombstones import TombstoneStore
from services.storage.traces import TraceStore
from services.storage.transcripts import TranscriptStore
from services.storage.typed_answers import TypedAnswerStore
from services.storage.worker_keys import WorkerKeyStore
from services.storage.workers import WorkerStore
from services.submission import Submission
from services.tickets import Tickets
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from services.transcription import Stores, Transcription
from services.transcription_jobs import TranscriptionJobs
from services.transcripts import Transcripts
from services.typed_answers import TypedAnswers
from services.upload_urls import UploadUrls
from services.watchdog import Watchdog
from services.webhook_delivering import WebhookDelivering
from services.webhook_dispatch import WebhookDispatch
from services.webhooks import Webhooks
from services.worker_keys import WorkerKeys


@dataclass(frozen=True)
class Services:
    """What `app` and `tasks` call."""

    access: Access
    audit: Audit
    worker_keys: WorkerKeys
    tickets: Tickets
    sessions: Sessions
    admission: Admission
    idempotency: Idempotency
    answers: Answers
    upload_urls: UploadUrls
    signed_uploads: SignedUploads
    submission: Submission
    decisions: Decisions
    transcription_jobs: TranscriptionJobs
    consents: Consents
    retention_rules: RetentionRules
    expiry: Expiry
    typed_answers: TypedAnswers
    outside_transcripts: OutsideTranscripts
    review: Review
    transcripts: Transcripts
    search: Search
    opinions: Opinions
    quality: QualityStore
    feedback_jobs: FeedbackJobs
    scoring: Scoring
    analysis: Analysis
    links: Links
    live: LiveFeed
    health: Health
    transcription: Transcription
    watchdog: Watchdog
    transcriber: TranscriberLoader
    recovery: Recovery
    # Of every kind of work but answers.
    resending: tuple[Resending, ...]
    webhooks: Webhooks
    webhook_dispatch: WebhookDispatch
    webhook_delivering: WebhookDelivering
    retention: Retention
    administration: Administration
    flags: Flags
    figures: Figures
    erasure: Erasure
    export: Export


def build_services(
    settings: Settings,
    database: MongoDatabase,
    jobs: JobQueue,
    build_transcriber: Callable[[], Transcriber],
    build_challenger: Callable[[], Transcriber] | None = None,
) -> Services:
    """Join the services; nothing is connected, loaded or started by this."""
    joining = Joining(settings, database, jobs, build_transcriber, build_challenger)
    groups = (_people, _recordings, jobs_and_keeping, _results, _work, _webhooks, _operators)
    return Services(**{name: service for group in groups for name, service in group(joining).items()})


def _people(of: Joining) -> dict[str, Any]:
    return {
        "access": of.access,
        "audit": of.audit,
        "worker_keys": WorkerKeys(WorkerKeyStore(of.database), of.audit),
        "tickets": Tickets(TicketStore(of.database), of.access),
        "sessions": of.sessions,
        "links": Links(LinkStore(of.database), of.audit, link_days=of.settings.session_link_days),
        "idempotency": Idempotency(IdempotencyStore(of.database)),
        "admission": Admission(of.usage, _quotas(of.settings)),
        "live": LiveFeed(ChangeStream(of.database), RevocationStream(of.database), of.session_store.find_unguarded),
    }


def _recordings(of: Joining) -> dict[str, Any]:
    return {
        "answers": of.answers,
        "upload_urls": UploadUrls(SigningKeyStore(of.database), of.access, of.session_store, of.consents),
        "signed_uploads": SignedUploads(of.uploads, KeptUploadStore(of.database), of.answers),
        "submission": Submission(SubmissionStore(of.database)),
        "decisions": of.decisions,
        "typed_answers": TypedAnswers(TypedAnswerStore(of.database), of.audio, of.when_ended),
        "outside_transcripts": OutsideTranscripts(
            OutsideTranscriptStore(of.database), of.audio, of.audit, of.when_ended
        ),
    }


def _results(of: Joining) -> dict[str, Any]:
    return {
        "review": Review(TranscriptStore(of.database), of.audit),
        "transcripts": Transcripts(RevisionStore(of.database)),
        "opinions": Opinions(OpinionStore(of.database), Transcripts(RevisionStore(of.database))),
        "quality": QualityStore(of.database),
        "search": Search(SearchStore(of.database), Backfill(of.database), of.audit),
        "feedback_jobs": of.feedback_jobs,
        "scoring": of.scoring,
        "analysis": Analysis(of.sessions, of.feedback_jobs, of.scoring_at_once, of.choose_provider),
        "export": Export(
            RevisionStore(of.database),
            of.audio,
            FeedbackReportStore(of.database),
            OpinionStore(of.database),
            of.audit,
        ),
    }


def _work(of: Joining) -> dict[str, Any]:
    open_answers, holder = OpenAnswerStore(of.database), of.settings.holder
    return {
        "transcription": _transcription(of),
        "watchdog": of.watchdog,
        "transcriber": of.loader,
        "health": Health(of.database, WorkerStore(of.database), of.speech_models),
        "recovery": Recovery(open_answers, of.uploads, of.audio, of.jobs, holder=holder),
        "resending": (
            Resending(of.feedback_store.documents, of.jobs.give_feedback, kind="feedback", holder=holder),
            of.webhooks.resending,
        ),
    }


def _webhooks(of: Joining) -> dict[str, Any]:
    parts = of.webhooks
    return {
        "webhooks": parts.of_owners,
        "webhook_dispatch": parts.dispatch,
        "webhook_delivering": parts.delivering,
    }


def _operators(of: Joining) -> dict[str, Any]:
    failed_hours = of.settings.failed_audio_retention_hours
    return {
        "retention": Retention(
            of.audio, of.answer_store, of.session_store, RetentionRuleStore(of.database), failed_hours=failed_hours
        ),
        "flags": of.flags,
        "figures": Figures(of.counters, QueueStore(of.database)),
        "administration": Administration(AnswerLists(of.database), of.decisions, of.audit, failed_hours=failed_hours),
        "erasure": Erasure(TombstoneStore(of.database), TraceStore(of.database)),
    }


def _transcription(of: Joining) -> Transcription:
    settings = of.settings
    work = LeasedWork(of.watchdog, holder=settings.holder, max_attempts=settings.transcription_max_attempts)
    thresholds = Thresholds(settings.needs_review_below, settings.low_confidence_below)
    stores = Stores(of.answer_store, of.audio, of.checkpoints, of.when_ended, of.count)
    return Transcription(stores, of.speech_models.choose, work, thresholds, max_seconds=settings.max_answer_seconds)


def _quotas(settings: Settings) -> Quotas:
    return Quotas(
        settings.max_open_answers,
        settings.max_open_answers_per_owner,
        settings.daily_bytes_per_owner,
        settings.daily_audio_minutes_per_owner,
    )
