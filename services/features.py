"""What was rolled out to a session when it began: decided once, so that a running interview keeps it."""

from collections.abc import Mapping
from typing import Any

from services.errors import Forbidden
from services.flags import Flags
from services.models import Session

AUDIO_ANSWERS = "audio_answers"


def features_for(flags: Flags, session_id: str) -> Mapping[str, bool]:
    """Of a session that begins now."""
    return {AUDIO_ANSWERS: flags.is_on(AUDIO_ANSWERS, session_id)}


def require_audio(session: Session) -> None:
    """Raise `Forbidden` where recordings were not rolled out to this session; to one from before flags they were."""
    features: Mapping[str, Any] = session.details.get("features") or {}
    if not features.get(AUDIO_ANSWERS, True):
        raise Forbidden("This interview takes typed answers only.", code="audio_not_enabled")
