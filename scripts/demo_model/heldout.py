"""The speech the demo model is measured with: held-out sentences, voices and speeds, and windows without speech."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from scripts.demo_model.corpus import sentences
from scripts.demo_model.speech import SAMPLE_RATE, Samples, speak, through_opus
from scripts.demo_model.voices import HELD_OUT_VOICES, Delivery, held_out_delivery

EVALUATION_SEED = 2026
WINDOW_SECONDS = 30
NOISE_WINDOWS = 20


@dataclass(frozen=True, slots=True)
class Utterance:
    """One held-out sentence as a held-out voice speaks it, without silence around it."""

    text: str
    voice: str
    samples: Samples


@dataclass(slots=True)
class Window:
    """Up to 30 s of sound with what is said in it: (text, begin, end) with times in seconds."""

    samples: Samples
    said: list[tuple[str, float, float]]


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)


def utterances(count: int) -> list[Utterance]:
    """The held-out sentences, each voice taking every tenth."""
    return [Utterance(text, delivery.variant, speak(text, delivery)) for text, delivery in deliveries(count)]


def deliveries(count: int) -> Iterator[tuple[str, Delivery]]:
    """The held-out sentences, and how each of them is spoken."""
    rng = random.Random(EVALUATION_SEED)
    for number, text in enumerate(islice(sentences(EVALUATION_SEED, held_out=True), count)):
        yield text, held_out_delivery(rng, HELD_OUT_VOICES[number % len(HELD_OUT_VOICES)])


def single_windows(spoken: list[Utterance]) -> list[Window]:
    """Each sentence alone, with up to a second of silence before it and after it, through Opus."""
    rng = random.Random(EVALUATION_SEED)
    return [_window([utterance], [rng.uniform(0.1, 1.0)], rng.uniform(0.3, 1.0)) for utterance in spoken]


def joined_windows(spoken: list[Utterance]) -> list[Window]:
    """The same sentences in windows of at most 30 s, with pauses of 0.3 s to 3 s in between, through Opus."""
    rng = random.Random(EVALUATION_SEED)
    windows: list[Window] = []
    group: list[Utterance] = []
    pauses: list[float] = []
    length = 0.0
    for utterance in spoken:
        pause, seconds = rng.uniform(0.3, 3.0), len(utterance.samples) / SAMPLE_RATE
        if group and length + pause + seconds > WINDOW_SECONDS - 0.2:
            windows.append(_window(group, pauses, 0.1))
            group, pauses, length = [], [], 0.0
        group.append(utterance)
        pauses.append(pause)
        length += pause + seconds
    return [*windows, _window(group, pauses, 0.1)]


def _window(group: list[Utterance], pauses: list[float], end: float) -> Window:
    parts: list[Samples] = []
    said = []
    place = 0
    for utterance, pause in zip(group, pauses, strict=True):
        parts += [_silence(pause), utterance.samples]
        begin = place + len(parts[-2])
        place = begin + len(utterance.samples)
        said.append((utterance.text, begin / SAMPLE_RATE, place / SAMPLE_RATE))
    return Window(through_opus(np.concatenate([*parts, _silence(end)])), said)


def quiet_windows() -> list[Window]:
    """Windows in which nobody speaks: digital silence, and white noise from -90 to -40 dB of full scale."""
    rng = np.random.default_rng(EVALUATION_SEED)
    levels = [0.0, *(10 ** (decibel / 20) for decibel in np.linspace(-90, -40, NOISE_WINDOWS - 1))]
    size = WINDOW_SECONDS * SAMPLE_RATE
    return [Window((rng.standard_normal(size) * level).astype(np.float32), []) for level in levels]
