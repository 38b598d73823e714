"""Captions of a transcript: SubRip (srt) and WebVTT (vtt, https://www.w3.org/TR/webvtt1/).

Whatever a text holds stays text: it cannot end its cue, look like the time of one, or become markup.
"""

import re
from collections.abc import Iterable

from services.models import Segment

# A player shows nothing for less, and refuses a cue that ends where it starts.
SHORTEST_MS = 1
# Line breaks of every kind end a cue or a line of it; the others are for terminals. Directions and joiners stay.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_TAG = re.compile(r"<(?=[A-Za-z/])")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_srt(segments: Iterable[Segment]) -> str:
    """Numbered cues. SubRip knows no escapes, so what a player would take for its own is written otherwise."""
    cues = (
        f"{number}\n{_time(start_ms, ',')} --> {_time(end_ms, ',')}\n{_plain(text)}\n"
        for number, (start_ms, end_ms, text) in enumerate(_cues(segments), start=1)
    )
    return "\n".join(cues)


def as_vtt(segments: Iterable[Segment]) -> str:
    """Cues with markup characters escaped."""
    cues = (
        f"\n{_time(start_ms, '.')} --> {_time(end_ms, '.')}\n{text.translate(_MARKUP)}\n"
        for start_ms, end_ms, text in _cues(segments)
    )
    return "WEBVTT\n" + "".join(cues)


def _cues(segments: Iterable[Segment]) -> Iterable[tuple[int, int, str]]:
    """Times in milliseconds and one line of text each; a segment without text is no cue."""
    for segment in segments:
        text = _CONTROLS.sub(" ", segment.text).strip()
        if text:
            start_ms = max(round(segment.start * 1000), 0)
            yield start_ms, max(round(segment.end * 1000), start_ms + SHORTEST_MS), text


def _plain(text: str) -> str:
    return _TAG.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", text.replace("-->", "→"))


def _time(ms: int, separator: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{separator}{ms:03}"
