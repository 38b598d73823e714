"""Plans, windows and segments as documents and back. What was written before a field existed reads as its default."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from services.models import HeardWindow, Plan, Segment, Span, Word
from services.storage.client import Document

_SEGMENT_FIELDS = frozenset(each.name for each in fields(Segment)) - {"words"}


def as_document(heard: HeardWindow) -> Document:
    return {
        "segments": [asdict(each) for each in heard.segments],
        "language": heard.language,
        "language_probability": heard.language_probability,
        "timing": dict(heard.timing),
    }


def as_heard(found: Mapping[str, Any]) -> HeardWindow:
    return HeardWindow(
        segments=tuple(as_segment(each) for each in found["segments"]),
        language=found["language"],
        language_probability=found["language_probability"],
        timing=found["timing"],
    )


def as_segment(found: Mapping[str, Any]) -> Segment:
    words = tuple(Word(**each) for each in found.get("words", ()))
    return Segment(**{name: found[name] for name in _SEGMENT_FIELDS & found.keys()}, words=words)


def as_plan(found: Mapping[str, Any]) -> Plan:
    return Plan(
        duration_seconds=found["duration_seconds"],
        speech=tuple(Span(**each) for each in found["speech"]),
        windows=tuple(Span(**each) for each in found["windows"]),
        gain=found["gain"],
    )


def text_of(heard: HeardWindow) -> str:
    return " ".join(segment.text for segment in heard.segments)
