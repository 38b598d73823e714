"""Documents and recordings that tests start from."""

import io
import wave
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from config import Settings
from config.flags import FLAGS
from services.models import Question, Recording


def wav_of(seconds: float = 1.0, *, frequency_hz: float = 440.0, rate_hz: int = 16_000) -> bytes:
    """A wav file of a tone."""
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    samples = (0.3 * np.sin(2 * np.pi * frequency_hz * times) * 32767).astype("<i2")
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def recording_of(content: bytes | None = None, **fields: Any) -> Recording:
    """A recording as the web tier hands it on."""
    content = wav_of() if content is None else content
    return Recording(content, "audio/wav", sha256(content).hexdigest(), **fields)


def questions(*ids: str) -> list[Question]:
    return [Question(question_id, f"What about {question_id}?") for question_id in ids or ("q1",)]


DEFAULTS = Settings(
    mongodb_uri="mongodb://127.0.0.1",
    mongodb_database="parley",
    redis_url=None,
    bootstrap_token=None,
    data_dir=Path("var"),
    host="127.0.0.1",
    port=8000,
    public_url="http://127.0.0.1:8000",
    allowed_origins=(),
    web_concurrency=1,
    web_threads=32,
    max_sockets=16,
    max_sockets_per_session=16,
    trusted_proxies=0,
    auth_jwt_secret=None,
    auth_jwks_url=None,
    auth_jwt_algorithm=None,
    auth_jwt_issuer=None,
    auth_jwt_audience=None,
    auth_jwt_role_claim="role",
    rate_limit="100000/second",
    rate_limit_uploads="100000/second",
    rate_limit_costly="100000/second",
    max_open_answers=10_000,
    max_open_answers_per_owner=10_000,
    daily_bytes_per_owner=0,
    daily_audio_minutes_per_owner=0,
    worker_threads=2,
    whisper_model=None,
    whisper_revision=None,
    whisper_model_b=None,
    whisper_revision_b=None,
    whisper_device="cpu",
    whisper_threads=0,
    needs_review_below=0.6,
    low_confidence_below=0.5,
    max_recording_bytes=25 * 1024 * 1024,
    max_answer_seconds=600,
    max_job_bytes=200 * 1024 * 1024,
    max_job_seconds=7200,
    require_consent=False,
    max_transcript_days=0,
    lease_seconds=60,
    sweep_interval_seconds=10,
    transcription_max_attempts=4,
    failed_audio_retention_hours=168,
    session_link_days=14,
    feedback_provider="rule_based",
    score_delivery=False,
    feedback_llm_url="https://api.openai.com/v1",
    feedback_llm_key=None,
    feedback_llm_model=None,
    feedback_llm_timeout_seconds=45.0,
    feature_flags=FLAGS,
    webhook_allowed_hosts=(),
    webhooks_allow_private=False,
    webhook_secrets_key=None,
    log_format="console",
    log_level="INFO",
)


def settings_with(**changes: Any) -> Settings:
    return replace(DEFAULTS, **changes)
