"""Puts speech into windows that Whisper can hear at once, cut where nobody speaks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.models import Span

# Whisper hears 30 s at once (Radford et al. 2022, section 2.2).
WINDOW_SECONDS = 30
# People pause at least every ten seconds, so the last third of a window nearly always has a place to cut.
SEARCH_SECONDS = 10
# The detector hears beginnings up to 0.1 s late and ends up to 0.1 s early. And Whisper wants to hear that nobody talks
# yet, or any more: with 0.3 s the demo model gets 0.4 points more of the words wrong than of whole recordings, with 1 s
# less than 0.1.
PADDING_SECONDS = 1.0
# A longer silence is skipped: Whisper invents words for it, and costs less without it.
LONGEST_PAUSE_SECONDS = 2.0
# 10 ms: in less, nothing can be heard.
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
# Of the speech detector.
PROBABILITY_SECONDS = 0.032


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of a recording, `start_seconds` after its beginning, with the speech in it, also in its seconds."""

    start_seconds: float
    samples: Samples
    speech: tuple[Span, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


def windows_of(
    speech: Iterable[Span], probabilities: NDArray[np.float32], seconds: float, *, target_seconds: float
) -> tuple[Span, ...]:
    """Windows of at most 30 s around all speech of a recording that is so long; `probabilities` are the detector's.

    A window takes in what follows while its speech stays within `target_seconds` and no silence of more than
    `LONGEST_PAUSE_SECONDS` comes. Where it would grow beyond the target, it ends at the longest pause of its second
    half. Speech that goes on for longer than the target is a window by itself, and beyond 30 s it is cut where it is
    least probable in the last 10 s. Windows reach `PADDING_SECONDS` beyond speech, where nothing else is said.
    """
    spans = list(_without_long_ones(speech, probabilities))
    windows: list[Span] = []
    while spans:
        count = _how_many(spans, target_seconds)
        before = windows[-1].end if windows else 0.0
        start = round(max(before, spans[0].start - PADDING_SECONDS), 3)
        end = spans[count - 1].end
        del spans[:count]
        # Half of a short pause belongs to what follows.
        after = (end + spans[0].start) / 2 if spans else seconds
        windows.append(Span(start, round(min(after, end + PADDING_SECONDS), 3)))
    return tuple(windows)


def _how_many(spans: Sequence[Span], target_seconds: float) -> int:
    """Of the spans that remain, how many the next window takes: at least one."""
    most = spans[0].start + target_seconds
    fitting = 1
    while fitting < len(spans) and spans[fitting].end <= most and _pause(spans, fitting) <= LONGEST_PAUSE_SECONDS:
        fitting += 1
    if fitting == len(spans) or _pause(spans, fitting) > LONGEST_PAUSE_SECONDS:
        return fitting
    half = spans[0].start + target_seconds / 2
    ends = [count for count in range(1, fitting + 1) if spans[count - 1].end >= half]
    return max(ends, key=lambda count: (_pause(spans, count), count), default=fitting)


def _pause(spans: Sequence[Span], index: int) -> float:
    """The silence before a span."""
    return spans[index].start - spans[index - 1].end


def _without_long_ones(speech: Iterable[Span], probabilities: NDArray[np.float32]) -> Iterator[Span]:
    longest = WINDOW_SECONDS - 2 * PADDING_SECONDS
    for span in speech:
        rest = span
        while rest.seconds > longest:
            latest = rest.start + longest
            first, last = int((latest - SEARCH_SECONDS) / PROBABILITY_SECONDS), int(latest / PROBABILITY_SECONDS)
            least = first + int(np.argmin(probabilities[first:last]))
            middle = round((least + 0.5) * PROBABILITY_SECONDS, 3)
            yield Span(rest.start, middle)
            rest = Span(middle, rest.end)
        yield rest
