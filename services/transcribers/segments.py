"""Puts what a model heard in one window at its place in the recording."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.audio.windows import Window
from services.models import Segment
from services.transcribers import SAMPLE_RATE_HZ


@dataclass(frozen=True, slots=True)
class HeardSegment:
    """A stretch of text with seconds from the beginning of its window, as the model said it.

    After the last one of a window `more_follows` tells whether the model stopped there with something left to hear.
    """

    start: float
    end: float
    text: str
    more_follows: bool = False


def placed(heard: Iterable[HeardSegment], window: Window) -> list[Segment]:
    """Segments in seconds of the recording, in order, without overlaps, none reaching beyond the window.

    What begins where the window's sound has ended was heard in the padding: it is dropped, as is empty text.
    """
    segments: list[Segment] = []
    latest = 0.0
    for segment in heard:
        text = " ".join(segment.text.split())
        if not text or segment.start >= window.seconds:
            continue
        start = min(max(segment.start, latest), window.seconds)
        latest = min(max(segment.end, start), window.seconds)
        segments.append(Segment(_at(window, start), _at(window, latest), text))
    return segments


def rest_of(window: Window, heard: list[HeardSegment]) -> Window | None:
    """What of the window is still to be heard, from where the model stopped."""
    if not heard or not heard[-1].more_follows or not 0 < heard[-1].end < window.seconds:
        return None
    end = heard[-1].end
    return Window(window.start_seconds + end, window.samples[round(end * SAMPLE_RATE_HZ) :])


def _at(window: Window, seconds: float) -> float:
    return round(window.start_seconds + seconds, 3)
