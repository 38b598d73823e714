"""A recording as samples, as often as they are asked for, in little memory."""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from contextlib import closing

import numpy as np

from services.audio.decode import blocks
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.windows import Window
from services.models import Plan, Span

# 8 MB. Beyond that, decoding again costs less than keeping: 0.1 % of the recording's length.
KEPT_SECONDS = 120


class Sound:
    """A recording (compressed bytes, or parts that can be asked for again) as 16 kHz mono float32 samples.

    Short ones keep their samples after the first pass; longer ones are decoded again, so memory does not grow with
    length. `on_wait` is called every few seconds of decoding, and what it raises ends the work.
    """

    def __init__(self, content: bytes | Iterable[bytes], *, max_seconds: float, on_wait: Callable[[], None]) -> None:
        self._content = content
        self._max_seconds = max_seconds
        self._on_wait = on_wait
        self._kept: list[Samples] | None = None
        self.decode_seconds = 0.0

    def blocks(self) -> Generator[Samples, None, None]:
        """Some seconds at a time, in order, from the beginning; raises as `services.audio.decode.blocks`."""
        if self._kept is not None:
            yield from self._kept
            return
        kept: list[Samples] | None = []
        heard = 0
        for block in self._decoded():
            heard += len(block)
            if kept is not None:
                kept.append(block)
                if heard > KEPT_SECONDS * SAMPLE_RATE_HZ:
                    kept = None
            yield block
        self._kept = kept

    def windows(
        self, plan: Plan, *, wanted: Collection[int] | None = None
    ) -> Generator[tuple[int, Window], None, None]:
        """The windows of a plan, or those wanted of them, by their index and in order, at the plan's loudness.

        A consumer may take its time with each: nothing is decoded in the meantime.
        """
        indexes = range(len(plan.windows)) if wanted is None else sorted(wanted)
        with closing(self.blocks()) as recording:
            stretch = _Stretch(recording)
            for index in indexes:
                span = plan.windows[index]
                samples = stretch.read(_place(span.start), _place(span.end))
                np.clip(samples * np.float32(plan.gain), -1.0, 1.0, out=samples)
                yield index, Window(span.start, samples, _within(span, plan.speech))

    def _decoded(self) -> Iterator[Samples]:
        """The blocks of a child, with a clock that runs only while they are waited for."""
        decoding = blocks(self._content, max_seconds=self._max_seconds, on_wait=self._on_wait)
        while True:
            began = time.monotonic()
            try:
                block = next(decoding, None)
            finally:
                self.decode_seconds += time.monotonic() - began
            if block is None:
                return
            yield block


class _Stretch:
    """Reads one stretch after another out of blocks, and holds no more than the block it has come to."""

    def __init__(self, recording: Iterator[Samples]) -> None:
        self._recording = recording
        self._block = np.empty(0, np.float32)
        self._at = 0  # the place of the block's first sample

    def read(self, start: int, end: int) -> Samples:
        """A copy of these samples, or fewer where the recording ends before."""
        samples = np.empty(end - start, np.float32)
        filled = 0
        while filled < len(samples):
            part = self._block[max(0, start + filled - self._at) :][: len(samples) - filled]
            samples[filled : filled + len(part)] = part
            filled += len(part)
            if filled < len(samples) and not self._go_on():
                break
        return samples[:filled]

    def _go_on(self) -> bool:
        self._at += len(self._block)
        self._block = next(self._recording, np.empty(0, np.float32))
        return len(self._block) > 0


def _within(window: Span, speech: tuple[Span, ...]) -> tuple[Span, ...]:
    shared = (Span(max(each.start, window.start), min(each.end, window.end)) for each in speech)
    return tuple(each for each in shared if each.seconds > 0)


def _place(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
