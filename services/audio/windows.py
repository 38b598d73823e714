"""Cuts a recording into windows that Whisper can hear at once, where nobody is speaking."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.models import Span
from services.transcribers import SAMPLE_RATE_HZ, Samples

# Whisper hears 30 s at once (Radford et al. 2022, section 2.2).
WINDOW_SECONDS = 30
# People pause at least every ten seconds, so the last third of a window nearly always has a place to cut.
SEARCH_SECONDS = 10
# A stop consonant's closure lasts up to 0.15 s: a quiet stretch twice as long lies between words.
PAUSE_SECONDS = 0.3
# Whisper invents words for a very short rest.
SHORTEST_REST_SECONDS = 2
FRAME_SAMPLES = SAMPLE_RATE_HZ // 100
# Digital silence and a muted microphone's last bits; a quiet room through a real microphone is 10 dB above this.
SILENCE_DBFS = -60.0
# Of the speech detector.
FRAME_SECONDS = 0.032


@dataclass(frozen=True, slots=True)
class Window:
    """At most 30 s of a recording, `start_seconds` after its beginning, with the speech in it, also in its seconds."""

    start_seconds: float
    samples: Samples
    speech: tuple[Span, ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


# A detector hears the first and last sounds of a word late and loses them early.
PADDING_SECONDS = 0.2
# Once through a window takes as long whatever is in it, so what follows soon is heard together.
TARGET_SECONDS = 20.0
# A longer silence is not heard at all.
LONGEST_PAUSE_SECONDS = 2.0


def windows_of(speech: Iterable[Span], probabilities: NDArray[np.float32], seconds: float) -> tuple[Span, ...]:
    """Windows of at most 30 s around all speech in a recording of so many seconds.

    A window takes in what follows until it would be longer than `TARGET_SECONDS`, or a silence of more than
    `LONGEST_PAUSE_SECONDS` comes, and begins and ends up to `PADDING_SECONDS` from speech. Speech without a pause is
    cut where it is least probable in the last 10 s. `probabilities` are those of speech in each 32 ms.
    """
    windows: list[Span] = []
    for span in _without_long_ones(speech, probabilities):
        padded = Span(max(0.0, span.start - PADDING_SECONDS), min(seconds, span.end + PADDING_SECONDS))
        if windows and padded.start - windows[-1].end <= LONGEST_PAUSE_SECONDS - 2 * PADDING_SECONDS:
            joined = Span(windows[-1].start, padded.end)
            if joined.seconds <= TARGET_SECONDS:
                windows[-1] = joined
                continue
        if windows and padded.start < windows[-1].end:
            middle = round((padded.start + windows[-1].end) / 2, 3)
            windows[-1] = Span(windows[-1].start, middle)
            padded = Span(middle, padded.end)
        windows.append(Span(round(padded.start, 3), round(padded.end, 3)))
    return tuple(windows)


def _without_long_ones(speech: Iterable[Span], probabilities: NDArray[np.float32]) -> Iterator[Span]:
    longest = WINDOW_SECONDS - 2 * PADDING_SECONDS
    for span in speech:
        rest = span
        while rest.seconds > longest:
            first = int((rest.start + longest - SEARCH_SECONDS) / FRAME_SECONDS)
            last = int((rest.start + longest) / FRAME_SECONDS)
            middle = (first + int(np.argmin(probabilities[first:last])) + 0.5) * FRAME_SECONDS
            yield Span(rest.start, round(middle, 3))
            rest = Span(round(middle, 3), rest.end)
        yield rest


def cut(samples: Samples) -> list[Window]:
    """Windows of at most 30 s that together are the whole recording.

    Each ends in the middle of the quietest 0.3 s (by short-time energy in 10 ms frames) of its last 10 s, and leaves
    at least 2 s to the next. The windows share the recording's memory.
    """
    windows = []
    start = 0
    while len(samples) - start > WINDOW_SECONDS * SAMPLE_RATE_HZ:
        rest = len(samples) - start - SHORTEST_REST_SECONDS * SAMPLE_RATE_HZ
        latest = min(WINDOW_SECONDS * SAMPLE_RATE_HZ, rest)
        earliest = (WINDOW_SECONDS - SEARCH_SECONDS) * SAMPLE_RATE_HZ
        end = start + earliest + _quietest(samples[start + earliest : start + latest])
        windows.append(Window(start / SAMPLE_RATE_HZ, samples[start:end]))
        start = end
    windows.append(Window(start / SAMPLE_RATE_HZ, samples[start:]))
    return windows


def is_silent(samples: Samples) -> bool:
    """Whether no 10 ms of it are louder than -60 dBFS (RMS, around each frame's mean): then there is nothing to hear.

    This finds a microphone that was off, not the absence of speech: a fan is not silence.
    """
    if len(samples) < FRAME_SAMPLES:
        return True
    return bool(np.sqrt(_frames(samples).var(axis=1).max()) < 10 ** (SILENCE_DBFS / 20))


def _frames(samples: Samples) -> Samples:
    return samples[: len(samples) - len(samples) % FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)


def _quietest(samples: Samples) -> int:
    """The sample in the middle of the quietest pause; of equally quiet ones the last, so that windows stay long."""
    energy = np.square(_frames(samples)).sum(axis=1, dtype=np.float64)
    pause_frames = round(PAUSE_SECONDS * SAMPLE_RATE_HZ / FRAME_SAMPLES)
    pauses = sliding_window_view(energy, pause_frames).sum(axis=1)
    last_quietest = len(pauses) - 1 - int(np.argmin(pauses[::-1]))
    return (last_quietest + pause_frames // 2) * FRAME_SAMPLES
