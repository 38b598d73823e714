"""What a process needs to know."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """What a process needs to know; `.env.example` explains each variable."""

    mongodb_uri: str = field(repr=False)
    mongodb_database: str
    redis_url: str | None = field(repr=False)
    bootstrap_token: str | None = field(repr=False)
    data_dir: Path
    host: str
    port: int
    public_url: str
    allowed_origins: tuple[str, ...]
    web_concurrency: int
    web_threads: int
    max_sockets: int
    max_sockets_per_session: int
    trusted_proxies: int
    auth_jwt_secret: str | None = field(repr=False)
    auth_jwks_url: str | None
    auth_jwt_algorithm: str | None
    auth_jwt_issuer: str | None
    auth_jwt_audience: str | None
    auth_jwt_role_claim: str
    rate_limit: str
    rate_limit_uploads: str
    rate_limit_costly: str
    max_open_answers: int
    max_open_answers_per_owner: int
    daily_bytes_per_owner: int
    daily_audio_minutes_per_owner: int
    worker_threads: int
    whisper_model: str | None
    whisper_revision: str | None
    whisper_model_b: str | None
    whisper_revision_b: str | None
    whisper_device: str
    whisper_threads: int
    needs_review_below: float
    low_confidence_below: float
    max_recording_bytes: int
    max_answer_seconds: int
    max_job_bytes: int
    max_job_seconds: int
    require_consent: bool
    max_transcript_days: int
    lease_seconds: int
    sweep_interval_seconds: int
    transcription_max_attempts: int
    failed_audio_retention_hours: int
    session_link_days: int
    feedback_provider: str
    score_delivery: bool
    feedback_llm_url: str
    feedback_llm_key: str | None = field(repr=False)
    feedback_llm_model: str | None
    feedback_llm_timeout_seconds: float
    feature_flags: Mapping[str, float]
    webhook_allowed_hosts: tuple[str, ...]
    webhooks_allow_private: bool
    webhook_secrets_key: str | None = field(repr=False)
    log_format: str
    log_level: str

    @property
    def is_in_process(self) -> bool:
        """Whether the one web process also transcribes (no `REDIS_URL`)."""
        return self.redis_url is None

    @property
    def holder(self) -> str:
        """Who holds this process's leases: released at the next start of the same host and data directory only."""
        return f"{socket.gethostname()}:{self.data_dir.resolve()}"
