"""Settings: the only reader of the environment. Every problem is reported at once, and never with a value in it."""

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError, validate
from marshmallow import ValidationError

ROOT = Path(__file__).resolve().parent
MIB = 1024 * 1024
# PyMongo buffers a whole upload in memory, so a recording has a ceiling no setting may lift.
RECORDING_CEILING_BYTES = 25 * MIB
SHARED_SECRET_ALGORITHMS = ("HS256", "HS384", "HS512")
PUBLIC_KEY_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
JWT_ALGORITHMS = (*SHARED_SECRET_ALGORITHMS, *PUBLIC_KEY_ALGORITHMS)


class SettingsError(Exception):
    """Raised with every problem found, one a line, naming variables but never their values."""


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
    whisper_device: str
    whisper_threads: int
    needs_review_below: float
    low_confidence_below: float
    max_recording_bytes: int
    max_answer_seconds: int
    lease_seconds: int
    sweep_interval_seconds: int
    transcription_max_attempts: int
    failed_audio_retention_hours: int
    session_link_days: int
    feedback_provider: str
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
    if problems := _contradictions(settings):
        raise SettingsError("\n".join(problems))
    return settings


def _read(env: Env) -> Settings:
    groups = (_servers, _web, _people, _limits, _speech, _work)
    return Settings(**{name: value for group in groups for name, value in group(env).items()})


def _servers(env: Env) -> dict[str, Any]:
    return {
        "mongodb_uri": env.str("MONGODB_URI", "", validate=_is_mongodb_uri),
        "mongodb_database": env.str("MONGODB_DATABASE", "parley", validate=validate.Regexp(r"^[A-Za-z0-9_-]{1,38}$")),
        "redis_url": env.str("REDIS_URL", "", validate=_is_redis_url) or None,
        "data_dir": env.path("DATA_DIR", ROOT / "var"),
    }


def _web(env: Env) -> dict[str, Any]:
    port = env.int("PORT", 8000, validate=validate.Range(min=1, max=65535))
    host = env.str("HOST", "127.0.0.1")
    return {
        "host": host,
        "port": port,
        "public_url": (env.str("PUBLIC_URL", "", validate=_is_origin) or f"http://{_reachable(host)}:{port}").rstrip(
            "/"
        ),
        "allowed_origins": tuple(map(_as_origin, env.list("ALLOWED_ORIGINS", [], validate=_are_origins) or ())),
        "web_concurrency": env.int("WEB_CONCURRENCY", 1, validate=_from_1_to(256)),
        "web_threads": env.int("WEB_THREADS", 128, validate=validate.Range(min=4, max=10_000)),
        "max_sockets": env.int("MAX_SOCKETS", 96, validate=_from_1_to(10_000)),
        "max_sockets_per_session": env.int("MAX_SOCKETS_PER_SESSION", 20, validate=_from_1_to(10_000)),
        "trusted_proxies": env.int("TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=10)),
    }


def _people(env: Env) -> dict[str, Any]:
    return {
        "bootstrap_token": env.str("BOOTSTRAP_TOKEN", "", validate=_is_token) or None,
        "session_link_days": env.int("SESSION_LINK_DAYS", 14, validate=_from_1_to(3650)),
        "auth_jwt_secret": env.str("AUTH_JWT_SECRET", "", validate=_is_jwt_secret) or None,
        "auth_jwks_url": env.str("AUTH_JWKS_URL", "", validate=_is_url) or None,
        "auth_jwt_algorithm": env.str("AUTH_JWT_ALGORITHM", "", validate=validate.OneOf(["", *JWT_ALGORITHMS])) or None,
        "auth_jwt_issuer": env.str("AUTH_JWT_ISSUER", "") or None,
        "auth_jwt_audience": env.str("AUTH_JWT_AUDIENCE", "") or None,
        "auth_jwt_role_claim": env.str("AUTH_JWT_ROLE_CLAIM", "role", validate=validate.Length(min=1, max=64)),
    }


def _limits(env: Env) -> dict[str, Any]:
    return {
        "rate_limit": env.str("RATE_LIMIT", "1200/minute", validate=_is_rate),
        "rate_limit_uploads": env.str("RATE_LIMIT_UPLOADS", "120/minute", validate=_is_rate),
        "rate_limit_costly": env.str("RATE_LIMIT_COSTLY", "60/minute", validate=_is_rate),
        "max_open_answers": env.int("MAX_OPEN_ANSWERS", 10_000, validate=_from_1_to(10_000_000)),
        "max_open_answers_per_owner": env.int("MAX_OPEN_ANSWERS_PER_OWNER", 2_000, validate=_from_1_to(10_000_000)),
        "daily_bytes_per_owner": env.int("DAILY_BYTES_PER_OWNER", 20_480 * MIB, validate=validate.Range(min=0)),
        "daily_audio_minutes_per_owner": env.int(
            "DAILY_AUDIO_MINUTES_PER_OWNER", 10_000, validate=validate.Range(min=0, max=10_000_000)
        ),
    }


def _speech(env: Env) -> dict[str, Any]:
    return {
        "whisper_model": env.str("WHISPER_MODEL", "").strip() or None,
        "whisper_revision": env.str("WHISPER_REVISION", "") or None,
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
        "max_answer_seconds": env.int("MAX_ANSWER_SECONDS", 600, validate=_from_1_to(7200)),
        "worker_threads": env.int("WORKER_THREADS", 4, validate=_from_1_to(256)),
        "lease_seconds": env.int("LEASE_SECONDS", 30, validate=validate.Range(min=5, max=3600)),
        "sweep_interval_seconds": env.int("SWEEP_INTERVAL_SECONDS", 10, validate=validate.Range(min=1, max=10)),
        "transcription_max_attempts": env.int("TRANSCRIPTION_MAX_ATTEMPTS", 4, validate=_from_1_to(20)),
        "failed_audio_retention_hours": env.int(
            "FAILED_AUDIO_RETENTION_HOURS", 7 * 24, validate=validate.Range(min=0, max=87_600)
        ),
        "feedback_provider": env.str("FEEDBACK_PROVIDER", "rule_based", validate=validate.OneOf(["rule_based"])),
        "log_format": env.str("LOG_FORMAT", "console", validate=validate.OneOf(["console", "json"])),
        "log_level": env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"])),
    }


def _contradictions(settings: Settings) -> list[str]:
    problems = []
    if settings.is_in_process and settings.web_concurrency > 1:
        problems.append(
            "WEB_CONCURRENCY: more than one web process needs REDIS_URL and separate workers (without Redis the one "
            "web process transcribes)"
        )
    if settings.max_sockets >= settings.web_threads:
        problems.append("MAX_SOCKETS: must be lower than WEB_THREADS, since every socket holds a thread")
    if settings.max_sockets_per_session > settings.max_sockets:
        problems.append("MAX_SOCKETS_PER_SESSION: must not be higher than MAX_SOCKETS")
    return [*problems, *_jwt_contradictions(settings)]


def _jwt_contradictions(settings: Settings) -> list[str]:
    if settings.auth_jwt_secret is None and settings.auth_jwks_url is None:
        return []
    problems = []
    if settings.auth_jwt_secret is not None and settings.auth_jwks_url is not None:
        problems.append("AUTH_JWT_SECRET: cannot be set together with AUTH_JWKS_URL, there is one way to check a token")
    if settings.auth_jwt_issuer is None or settings.auth_jwt_audience is None:
        problems.append("AUTH_JWT_ISSUER: must be set, and AUTH_JWT_AUDIENCE too, or tokens for others would be taken")
    fitting = SHARED_SECRET_ALGORITHMS if settings.auth_jwt_secret is not None else PUBLIC_KEY_ALGORITHMS
    if settings.auth_jwt_algorithm not in (None, *fitting):
        problems.append(f"AUTH_JWT_ALGORITHM: must be one of {', '.join(fitting)} here")
    algorithm = settings.auth_jwt_algorithm or SHARED_SECRET_ALGORITHMS[0]
    if settings.auth_jwt_secret is not None and algorithm in SHARED_SECRET_ALGORITHMS:
        # As many bytes as the hash has (RFC 7518, section 3.2); PyJWT takes no shorter ones.
        needed = int(algorithm.removeprefix("HS")) // 8
        if len(settings.auth_jwt_secret.encode()) < needed:
            problems.append(f"AUTH_JWT_SECRET: must have at least {needed} bytes for {algorithm}")
    return problems


def _is_mongodb_uri(value: str) -> None:
    _check(not value or value.startswith(("mongodb://", "mongodb+srv://")), "must begin with mongodb://")


def _is_redis_url(value: str) -> None:
    _check(not value or value.startswith(("redis://", "rediss://", "unix://")), "must begin with redis://")


def _is_jwt_secret(value: str) -> None:
    _check(not value or len(value.encode()) >= 32, "must have at least 32 bytes (RFC 7518, section 3.2)")


def _is_url(value: str) -> None:
    parts = urlsplit(value)
    is_local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_local)
    _check(not value or (is_safe and bool(parts.netloc)), "must be an https address (http only to this machine)")


def _is_rate(value: str) -> None:
    fits = re.fullmatch(r"[1-9]\d{0,8}/(second|minute|hour|day)", value)
    _check(fits is not None, "must be a number and a unit of time, such as 120/minute")


def _is_origin(value: str) -> None:
    parts = urlsplit(value)
    is_web = parts.scheme in ("http", "https") and bool(parts.netloc)
    has_more = parts.path.strip("/") or parts.query or parts.fragment or parts.username
    _check(not value or (is_web and not has_more), "must be an http(s) address without a path")


def _are_origins(values: list[str]) -> None:
    for value in values:
        _is_origin(_as_origin(value))


def _as_origin(value: str) -> str:
    return value.strip().rstrip("/")


def _from_1_to(maximum: int) -> validate.Range:
    return validate.Range(min=1, max=maximum)


def _is_token(value: str) -> None:
    _check(not value or len(value) >= 16, "must have at least 16 characters")
    _check(value.count(".") != 2, "must not look like a signed token (two dots)")


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise ValidationError(message)


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104
