"""Whisper through Hugging Face Transformers, window by window."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

import numpy as np
import torch

from services.audio.windows import FRAME_SAMPLES, Window, cut, is_silent
from services.models import Segment, Transcript, WhisperModel
from services.transcribers import PULSE_SECONDS, SAMPLE_RATE_HZ, OnWindow, Samples
from services.transcribers.guards import TEMPERATURES, is_nothing, is_sure
from services.transcribers.hearing import Hearing, Pulse, Sound
from services.transcribers.segments import HeardSegment, placed, rest_of


class WhisperTranscriber:
    """A Whisper model as a `Transcriber`; several threads may use it, it hears for one at a time."""

    def __init__(self, model: WhisperModel, hearing: Hearing) -> None:
        self._model = model
        self._hearing = hearing
        # `generate` is not safe in two threads at once. Held for one window only, so that a long answer does not keep
        # the short ones waiting.
        self._lock = threading.RLock()

    @property
    def model(self) -> WhisperModel:
        return self._model

    def transcribe(self, samples: Samples, *, language: str | None, on_window: OnWindow) -> Transcript:
        """Hear the whole recording; the language is that of the first window in which something was said.

        A language that the model does not know is detected instead.
        """
        windows = cut(samples)
        language = self._known(language)
        segments: list[Segment] = []
        on_window(0, len(windows))
        for done, window in enumerate(windows, start=1):
            pulse = Pulse(partial(on_window, done - 1, len(windows)))
            heard, heard_language = self._hear(window, language, pulse)
            segments += heard
            language = heard_language if heard else language
            on_window(done, len(windows))
        return Transcript(
            text=" ".join(segment.text for segment in segments),
            segments=tuple(segments),
            language=language,
            duration_seconds=round(len(samples) / SAMPLE_RATE_HZ, 3),
            no_speech=not segments,
        )

    def warm_up(self) -> None:
        """Run the network once, so that the first answer does not wait for what is set up lazily."""
        noise = np.random.default_rng(0).normal(scale=0.01, size=FRAME_SAMPLES).astype(np.float32)
        pulse = Pulse(lambda: None)
        with self._turn(pulse), torch.inference_mode():
            sound = self._hearing.sound(noise)
            self._hearing.said(sound, self._hearing.language(sound), TEMPERATURES[0], pulse)

    def _known(self, language: str | None) -> str | None:
        code = (language or "").lower().partition("-")[0]
        return code if code in self._hearing.languages else None

    def _hear(self, window: Window, language: str | None, pulse: Pulse) -> tuple[list[Segment], str | None]:
        """Everything in one window: where the model stops early, it hears the rest.

        `generate` would do so by itself, but through the silence that fills a short window up to 30 s as well.
        """
        segments: list[Segment] = []
        rest: Window | None = window
        while rest is not None and not is_silent(rest.samples):
            with self._turn(pulse), torch.inference_mode():
                sound = self._hearing.sound(rest.samples)
                language = language or self._hearing.language(sound)
                heard = self._said(sound, language, pulse)
            segments += placed(heard, rest)
            rest = rest_of(rest, heard)
        return segments, language

    @contextmanager
    def _turn(self, pulse: Pulse) -> Iterator[None]:
        """Wait until nobody else is heard; a long wait tells `pulse`, as a long window does."""
        try:
            while not self._lock.acquire(timeout=PULSE_SECONDS):
                pulse.beat()
            yield
        finally:
            # Only its owner can release it. So whatever was sent to this thread, and whenever, nobody waits forever.
            with suppress(RuntimeError):
                self._lock.release()

    def _said(self, sound: Sound, language: str | None, pulse: Pulse) -> list[HeardSegment]:
        """The first text that passes the guards, or the last one tried."""
        # Where a guard makes Whisper sample, the same recording still gives the same text.
        torch.manual_seed(0)
        no_speech_probability = self._hearing.no_speech_probability(sound)
        heard: list[HeardSegment] = []
        for temperature in TEMPERATURES:
            heard, logprob = self._hearing.said(sound, language, temperature, pulse)
            if is_nothing(logprob, no_speech_probability):
                return []
            if is_sure(logprob, " ".join(segment.text for segment in heard)):
                break
        return heard
