"""The stages of an interview in paths and in replies."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import g

from app.auth import session
from app.uploads import audio_url_of
from services.mentor import Stage, stage_of

# The most digits that are looked at: there are no numbers of so many stages.
_MOST_DIGITS = 6

View = TypeVar("View", bound=Callable[..., Any])


def at_stage(view: View) -> View:
    """Find the stage of the path before the body is looked at; the view itself is told neither it nor the token."""

    @wraps(view)
    def found(*args: Any, token: str, stage_id: str, **kwargs: Any) -> Any:
        is_number = stage_id.isascii() and stage_id.isdigit() and len(stage_id) <= _MOST_DIGITS
        g.stage = stage_of(session(), int(stage_id) if is_number else 0)
        return view(*args, **kwargs)

    return found  # type: ignore[return-value]


def stage() -> Stage:
    """The stage of the path, as it was when the caller's right to it was checked."""
    found: Stage = g.stage
    return found


def progress_of(found: Stage) -> dict[str, Any]:
    """Where it stands."""
    return {
        "stage_id": found.stage_id,
        "question_id": found.question.id,
        "status": found.status,
        "duration_ms": found.duration_ms,
        "error": found.error,
    }


def response_of(found: Stage) -> dict[str, Any]:
    """The answer itself; its fields are None where there is none."""
    names = ("answer_id", "kind", "whisper_model", "revision", "no_speech", "needs_review")
    return {
        **progress_of(found),
        **{name: getattr(found.answer, name, None) for name in names},
        "response_text": found.response_text,
        "audio_url": audio_url_of(found.object_key) if found.object_key else None,
    }


def reviewed(found: Stage) -> dict[str, Any]:
    """The answer, or what stands in its place."""
    return {
        **response_of(found),
        "prompt": found.question.prompt,
        "is_answered": found.answer is not None,
        "is_placeholder": found.review_text != found.response_text,
        "response_text": found.review_text,
    }
