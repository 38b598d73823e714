"""Joins what takes recordings without an interview, and what says who may be recorded and how long that is kept."""

from typing import Any

from services.erasure import Erasure
from services.expiry import Expiry, RetentionLimits, RetentionRules
from services.joining import Joining
from services.storage.jobs import JobStore
from services.storage.retention_rules import OldSessionStore, RetentionRuleStore
from services.storage.streamed_uploads import StreamedUploadStore
from services.storage.tombstones import TombstoneStore
from services.storage.traces import TraceStore
from services.transcription_jobs import JobLimits, JobStores, TranscriptionJobs


def jobs_and_keeping(of: Joining) -> dict[str, Any]:
    settings, rules = of.settings, RetentionRuleStore(of.database)
    stores = JobStores(JobStore(of.database), of.session_store, StreamedUploadStore(of.database, of.uploads))
    limits = JobLimits(settings.max_job_bytes, settings.max_job_seconds, settings.require_consent)
    kept = RetentionLimits(settings.max_transcript_days, settings.failed_audio_retention_hours)
    erasure = Erasure(TombstoneStore(of.database), TraceStore(of.database))
    return {
        "transcription_jobs": TranscriptionJobs(stores, of.answers, of.decisions, limits),
        "consents": of.consents,
        "retention_rules": RetentionRules(rules, of.audit, kept),
        "expiry": Expiry(rules, OldSessionStore(of.database), erasure, kept),
    }
