"""Whisper through Hugging Face Transformers, window by window."""

import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import replace

import numpy as np
import torch

from services.audio.front_end import TARGET_SECONDS, plan_of
from services.audio.sound import Sound as Recording
from services.audio.speech import SpeechDetector
from services.audio.windows import FRAME_SAMPLES, Window
from services.models import HeardWindow, Hints, Plan, Segment, Span, WhisperModel
from services.pulse import PULSE_SECONDS
from services.transcribers.fallback import text_of
from services.transcribers.hearing import Asked, Hearing, Pulse, Sound
from services.transcribers.prompts import prompt_tokens
from services.transcribers.segments import HeardSegment, believable, certain, placed, rest_of, speech_in, spoken, within
from services.transcribers.stopwatch import Stopwatch
from services.transcribers.word_times import WordTimes

# A window is gone through again from where the model stopped; one that stops ever again is left.
MOST_PASSES = 10
# `generate` is not safe in two threads at once, and two models share PyTorch's threads and its random numbers. Held for
# one pass over a window only, so that a long answer does not keep the short ones waiting.
ONE_AT_A_TIME = threading.RLock()


class WhisperTranscriber:
    """A Whisper model as a `Transcriber`; several threads may use it, it hears for one at a time."""

    def __init__(self, model: WhisperModel, hearing: Hearing, words: WordTimes, detector: SpeechDetector) -> None:
        self._model = model
        self._hearing = hearing
        self._words = words
        self._detector = detector
        self._lock = ONE_AT_A_TIME

    @property
    def model(self) -> WhisperModel:
        return self._model

    @property
    def hearing(self) -> Hearing:
        return self._hearing

    def plan(self, sound: Recording, on_wait: Callable[[], None], timing: MutableMapping[str, float]) -> Plan:
        # A model that is at its best in shorter windows says so in its generation_config.json.
        target_seconds = min(getattr(self._hearing.settings, "window_seconds", TARGET_SECONDS), TARGET_SECONDS)
        return plan_of(sound, self._detector, on_wait, timing, target_seconds=target_seconds)

    def hear(self, window: Window, hints: Hints, pulse: Callable[[], None]) -> HeardWindow:
        """Everything in one window: where the model stops early, it hears the rest.

        `generate` would do so by itself, but through the silence that fills a short window up to 30 s as well. A window
        without speech is not heard. A language that the model does not know is detected instead.

        Where the model says that it was done, and only the detector that somebody goes on, it must be certain.
        """
        stopwatch, beat = Stopwatch(), Pulse(pulse)
        language, probability = self._known(hints.language), None
        segments: list[Segment] = []
        rest: Window | None = window
        was_done = False
        for _ in range(MOST_PASSES):
            if rest is None or not rest.speech or len(rest.samples) < FRAME_SAMPLES:
                break
            with self._turn(beat), torch.inference_mode(), self._hearing.felt_by(beat):
                sound = self._hearing.sound(rest.samples, stopwatch)
                if language is None:
                    language, probability = self._hearing.language(sound)
                heard = self._heard(sound, rest, replace(hints, language=language), beat, stopwatch)
            heard = certain(heard) if was_done else heard
            was_done = bool(heard) and not heard[-1].more_follows
            segments += placed(heard, rest)
            rest = rest_of(rest, heard)
        if not segments:
            return HeardWindow((), timing=stopwatch.seconds)
        return HeardWindow(tuple(segments), language, probability, stopwatch.seconds)

    def warm_up(self) -> None:
        """Run the network once, so that the first answer does not wait for what is set up lazily."""
        noise = np.random.default_rng(0).normal(scale=0.01, size=FRAME_SAMPLES).astype(np.float32)
        window = Window(0.0, noise, (Span(0.0, 1.0),))
        self.hear(window, Hints(), lambda: None)

    def _known(self, language: str | None) -> str | None:
        code = (language or "").lower().partition("-")[0]
        return code if code in self._hearing.languages else None

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

    def _heard(
        self, sound: Sound, window: Window, hints: Hints, pulse: Pulse, stopwatch: Stopwatch
    ) -> list[HeardSegment]:
        """One pass: the text, then its words, without what was said where nobody speaks."""
        prompt = prompt_tokens(hints, self._hearing)
        asked = Asked(hints.language, hints.task, prompt)
        with stopwatch.measured("decode_tokens"):
            said = text_of(self._hearing, sound, asked, hints, pulse)
        if said is None:
            return []
        with stopwatch.measured("words"):
            speech = speech_in(window)
            segments = believable(within(said.segments, sound.seconds), speech, sound.seconds)
            return spoken(self._words.found(sound, replace(said, segments=segments), hints.language, speech), speech)
