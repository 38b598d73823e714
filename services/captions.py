"""Captions of a transcript: SubRip (srt) and WebVTT (vtt, https://www.w3.org/TR/webvtt1/).

Whatever a text holds stays text: it cannot end its cue, look like the time of one, or become markup.
"""

import re
from collections.abc import Iterable

from services.cues import Cue, cues_of
from services.models import Gap, Segment

_TAG = re.compile(r"<(?=[A-Za-z/])")
_MARKUP = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def as_srt(segments: Iterable[Segment], gaps: Iterable[Gap] = ()) -> str:
    """Numbered cues. SubRip knows no escapes, so what a player would take for its own is written otherwise."""
    cues = (
        f"{number}\n{_times(cue, ',')}\n{_plain(cue.text)}\n" for number, cue in enumerate(cues_of(segments, gaps), 1)
    )
    return "\n".join(cues)


def as_vtt(segments: Iterable[Segment], gaps: Iterable[Gap] = ()) -> str:
    """Cues with markup characters escaped."""
    cues = (f"\n{_times(cue, '.')}\n{cue.text.translate(_MARKUP)}\n" for cue in cues_of(segments, gaps))
    return "WEBVTT\n" + "".join(cues)


def _plain(text: str) -> str:
    return _TAG.sub("\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}", text.replace("-->", "→"))


def _times(cue: Cue, separator: str) -> str:
    return f"{_time(cue.start_ms, separator)} --> {_time(cue.end_ms, separator)}"


def _time(ms: int, separator: str) -> str:
    seconds, ms = divmod(ms, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{separator}{ms:03}"
