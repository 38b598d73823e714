"""Settings: the only reader of the environment. Every problem is reported at once, and never with a value in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from environs import Env, EnvValidationError, validate

from config.checks import (
    are_hosts,
    are_origins,
    as_origin,
    from_1_to,
    is_encryption_key,
    is_header_value,
    is_jwt_secret,
    is_llm_url,
    is_mongodb_uri,
    is_origin,
    is_rate,
    is_redis_url,
    is_token,
    is_url,
)
from config.contradictions import JWT_ALGORITHMS, contradictions
from config.flags import are_flags, read_flags
from config.settings import Settings

__all__ = ["MIB", "ROOT", "Settings", "SettingsError", "load_settings"]

ROOT = Path(__file__).resolve().parent.parent
MIB = 1024 * 1024
# PyMongo buffers a whole upload in memory, so a recording has a ceiling no setting may lift.
RECORDING_CEILING_BYTES = 25 * MIB
# A job's is streamed; whoever decodes it still has all of it in memory.
JOB_CEILING_BYTES = 1024 * MIB
OPENAI_URL = "https://api.openai.com/v1"


class SettingsError(Exception):
    """Raised with every problem found, one a line, naming variables but never their values."""


def load_settings(dotenv: Path | None = ROOT / ".env") -> Settings:
    """Read and check every variable (the environment wins over `.env`); raises `SettingsError` with all problems."""
    env = Env(eager=False)
    if dotenv is not None and dotenv.is_file():
        env.read_env(str(dotenv), recurse=False, override=False)
    settings = _read(env)
    try:
        env.seal()
    except EnvValidationError as error:
        found = cast("Mapping[str, list[str]]", error.error_messages)
        lines = [f"{name}: {' '.join(map(str, messages))}" for name, messages in found.items()]
        raise SettingsError("\n".join(lines)) from None
    if problems := contradictions(settings):
        raise SettingsError("\n".join(problems))
    return settings


def _read(env: Env) -> Settings:
    groups = (_servers, _web, _people, _limits, _jobs, _speech, _work, _feedback, _webhooks)
    return Settings(**{name: value for group in groups for name, value in group(env).items()})


def _servers(env: Env) -> dict[str, Any]:
    return {
        "mongodb_uri": env.str("MONGODB_URI", "", validate=is_mongodb_uri),
        "mongodb_database": env.str("MONGODB_DATABASE", "parley", validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,38}$")),
        "redis_url": env.str("REDIS_URL", "", validate=is_redis_url) or None,
        "data_dir": env.path("DATA_DIR", ROOT / "var"),
    }


def _web(env: Env) -> dict[str, Any]:
    port = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))
    host = env.str("HOST", "127.0.0.1")
    return {
        "host": host,
        "port": port,
        "public_url": (env.str("PUBLIC_URL", "", validate=is_origin) or f"http://{_reachable(host)}:{port}").rstrip(
            "/"
        ),
        "allowed_origins": tuple(map(as_origin, env.list("ALLOWED_ORIGINS", [], validate=are_origins) or ())),
        "web_concurrency": env.int("WEB_CONCURRENCY", 1, validate=from_1_to(256)),
        "web_threads": env.int("WEB_THREADS", 128, validate=validate.Range(min=4, max=10_000)),
        "max_sockets": env.int("MAX_SOCKETS", 96, validate=from_1_to(10_000)),
        "max_sockets_per_session": env.int("MAX_SOCKETS_PER_SESSION", 20, validate=from_1_to(10_000)),
        "trusted_proxies": env.int("TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=10)),
    }


def _people(env: Env) -> dict[str, Any]:
    return {
        "bootstrap_token": env.str("BOOTSTRAP_TOKEN", "", validate=is_token) or None,
        "session_link_days": env.int("SESSION_LINK_DAYS", 14, validate=from_1_to(3650)),
        "auth_jwt_secret": env.str("AUTH_JWT_SECRET", "", validate=is_jwt_secret) or None,
        "auth_jwks_url": env.str("AUTH_JWKS_URL", "", validate=is_url) or None,
        "auth_jwt_algorithm": env.str("AUTH_JWT_ALGORITHM", "", validate=validate.OneOf(["", *JWT_ALGORITHMS])) or None,
        "auth_jwt_issuer": env.str("AUTH_JWT_ISSUER", "") or None,
        "auth_jwt_audience": env.str("AUTH_JWT_AUDIENCE", "") or None,
        "auth_jwt_role_claim": env.str("AUTH_JWT_ROLE_CLAIM", "role", validate=validate.Length(min=1, max=64)),
    }


def _limits(env: Env) -> dict[str, Any]:
    return {
        "rate_limit": env.str("RATE_LIMIT", "1200/minute", validate=is_rate),
        "rate_limit_uploads": env.str("RATE_LIMIT_UPLOADS", "120/minute", validate=is_rate),
        "rate_limit_costly": env.str("RATE_LIMIT_COSTLY", "60/minute", validate=is_rate),
        "max_open_answers": env.int("MAX_OPEN_ANSWERS", 10_000, validate=from_1_to(10_000_000)),
        "max_open_answers_per_owner": env.int("MAX_OPEN_ANSWERS_PER_OWNER", 2_000, validate=from_1_to(10_000_000)),
        "daily_bytes_per_owner": env.int("DAILY_BYTES_PER_OWNER", 20_480 * MIB, validate=validate.Range(min=0)),
        "daily_audio_minutes_per_owner": env.int(
            "DAILY_AUDIO_MINUTES_PER_OWNER", 10_000, validate=validate.Range(min=0, max=10_000_000)
        ),
    }


def _jobs(env: Env) -> dict[str, Any]:
    return {
        "max_job_bytes": env.int("MAX_JOB_BYTES", 200 * MIB, validate=from_1_to(JOB_CEILING_BYTES)),
        "max_job_seconds": env.int("MAX_JOB_SECONDS", 7200, validate=from_1_to(6 * 3600)),
        "require_consent": env.bool("REQUIRE_CONSENT", False),
        "max_transcript_days": env.int("MAX_TRANSCRIPT_DAYS", 0, validate=validate.Range(min=0, max=36_500)),
    }


def _speech(env: Env) -> dict[str, Any]:
    return {
        "whisper_model": env.str("WHISPER_MODEL", "").strip() or None,
        "whisper_revision": env.str("WHISPER_REVISION", "") or None,
        "whisper_model_b": env.str("WHISPER_MODEL_B", "").strip() or None,
        "whisper_revision_b": env.str("WHISPER_REVISION_B", "") or None,
        "whisper_device": env.str("WHISPER_DEVICE", "auto", validate=validate.Regexp(r"^(auto|cpu|cuda(:\d+)?)$")),
        "whisper_threads": env.int("WHISPER_THREADS", 0, validate=validate.Range(min=0, max=1024)),
        "needs_review_below": env.float("NEEDS_REVIEW_BELOW", 0.6, validate=validate.Range(min=0, max=1)),
        "low_confidence_below": env.float("LOW_CONFIDENCE_BELOW", 0.5, validate=validate.Range(min=0, max=1)),
    }


def _work(env: Env) -> dict[str, Any]:
    return {
        "max_recording_bytes": env.int(
            "MAX_RECORDING_BYTES", RECORDING_CEILING_BYTES, validate=validate.Range(min=1, max=RECORDING_CEILING_BYTES)
        ),
        "max_answer_seconds": env.int("MAX_ANSWER_SECONDS", 600, validate=from_1_to(7200)),
        "worker_threads": env.int("WORKER_THREADS", 4, validate=from_1_to(256)),
        "lease_seconds": env.int("LEASE_SECONDS", 30, validate=validate.Range(min=5, max=3600)),
        "sweep_interval_seconds": env.int("SWEEP_INTERVAL_SECONDS", 10, validate=validate.Range(min=1, max=10)),
        "transcription_max_attempts": env.int("TRANSCRIPTION_MAX_ATTEMPTS", 4, validate=from_1_to(20)),
        "failed_audio_retention_hours": env.int(
            "FAILED_AUDIO_RETENTION_HOURS", 7 * 24, validate=validate.Range(min=0, max=87_600)
        ),
        "log_format": env.str("LOG_FORMAT", "console", validate=validate.OneOf(["console", "json"])),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
    }


def _feedback(env: Env) -> dict[str, Any]:
    return {
        "feedback_provider": env.str(
            "FEEDBACK_PROVIDER", "rule_based", validate=validate.OneOf(["rule_based", "openai"])
        ),
        "score_delivery": env.bool("SCORE_DELIVERY", False),
        "feedback_llm_url": (env.str("FEEDBACK_LLM_URL", OPENAI_URL, validate=is_llm_url) or OPENAI_URL).rstrip("/"),
        "feedback_llm_key": env.str("FEEDBACK_LLM_KEY", "", validate=is_header_value) or None,
        "feedback_llm_model": env.str("FEEDBACK_LLM_MODEL", "", validate=validate.Length(max=200)) or None,
        "feedback_llm_timeout_seconds": env.float(
            "FEEDBACK_LLM_TIMEOUT_SECONDS", 45.0, validate=validate.Range(min=1, max=300)
        ),
        "feature_flags": read_flags(env.str("FEATURE_FLAGS", "", validate=are_flags) or ""),
    }


def _webhooks(env: Env) -> dict[str, Any]:
    hosts: list[str] = env.list("WEBHOOK_ALLOWED_HOSTS", [], validate=are_hosts) or []
    return {
        "webhook_allowed_hosts": tuple(each.strip().lower() for each in hosts),
        "webhooks_allow_private": env.bool("WEBHOOKS_ALLOW_PRIVATE", False),
        "webhook_secrets_key": env.str("WEBHOOK_SECRETS_KEY", "", validate=is_encryption_key) or None,
    }


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
