"""The product's own way from the bytes of a recording to words with times."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from services.assembling import time_spent
from services.audio.sound import Sound
from services.models import HeardWindow, Hints, Plan, Segment, Word
from services.transcribers import Transcriber
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model

MAX_SECONDS = 7200.0


@dataclass(frozen=True, slots=True)
class HeardRecording:
    """What the product made of a recording: its plan, its segments, and the seconds each stage took."""

    plan: Plan
    segments: tuple[Segment, ...]
    timing: Mapping[str, float]
    wall_seconds: float

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @property
    def words(self) -> tuple[Word, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


def loaded(folder: Path) -> Transcriber:
    """The model as a worker loads it, on the processor: in float32, with its calibration."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    return load_whisper(choose_model(str(folder), None, "cpu"))


def heard(transcriber: Transcriber, content: bytes) -> HeardRecording:
    """As `services.listening` hears a recording: the language of the first window with speech goes for all."""
    began = time.monotonic()
    sound = sound_of(content)
    beside: dict[str, float] = {}
    plan = transcriber.plan(sound, _nothing, beside)
    decoded_before, hints = sound.decode_seconds, Hints()
    windows: dict[int, HeardWindow] = {}
    for index, window in sound.windows(plan):
        windows[index] = transcriber.hear(window, hints, _nothing)
        if windows[index].segments and hints.language is None:
            hints = replace(hints, language=windows[index].language)
    beside["decode"] = beside.get("decode", 0.0) + sound.decode_seconds - decoded_before
    segments = tuple(segment for index in sorted(windows) for segment in windows[index].segments)
    return HeardRecording(plan, segments, time_spent(beside, windows), time.monotonic() - began)


def sound_of(content: bytes) -> Sound:
    """A recording as a worker takes it."""
    return Sound(content, max_seconds=MAX_SECONDS, on_wait=_nothing)


def _nothing() -> None:
    pass
