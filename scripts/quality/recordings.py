"""Recordings of which it is known what is said in them and when: sentences alone, and joined to ten minutes."""

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scripts.demo_model.heldout import EVALUATION_SEED
from scripts.demo_model.speech import SAMPLE_RATE, Samples, webm
from scripts.quality.espeak_words import SaidSentence, SaidWord

LONG_SECONDS = 600.0
SHORTEST_PAUSE_SECONDS = 0.3
LONGEST_PAUSE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence at its place in a recording, in seconds."""

    text: str
    voice: str
    start: float
    end: float
    words: tuple[SaidWord, ...]


@dataclass(frozen=True, slots=True)
class Recording:
    """A WebM file with Opus, as a browser makes it, and what is said in it."""

    content: bytes
    samples: int
    said: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    @property
    def text(self) -> str:
        return " ".join(each.text for each in self.said)

    @property
    def words(self) -> tuple[SaidWord, ...]:
        return tuple(word for each in self.said for word in each.words)


def alone(sentences: Iterable[SaidSentence]) -> Iterator[Recording]:
    """Each sentence by itself, with the silence around it that the demo model's card has."""
    rng = random.Random(EVALUATION_SEED)
    for sentence in sentences:
        yield joined([sentence], [rng.uniform(0.1, 1.0)], rng.uniform(0.3, 1.0))


def long_recordings(sentences: Sequence[SaidSentence], seconds: float = LONG_SECONDS) -> Iterator[Recording]:
    """All sentences in a random order, in recordings that end with the first sentence after so many seconds.

    Pauses are 0.3 s to 20 s, as many between 0.3 s and 0.6 s as between 10 s and 20 s.
    """
    rng = random.Random(EVALUATION_SEED)
    group: list[SaidSentence] = []
    pauses: list[float] = []
    length = 0.0
    for sentence in rng.sample(sentences, len(sentences)):
        group.append(sentence)
        pauses.append(math.exp(rng.uniform(math.log(SHORTEST_PAUSE_SECONDS), math.log(LONGEST_PAUSE_SECONDS))))
        length += pauses[-1] + len(sentence.samples) / SAMPLE_RATE
        if length >= seconds:
            yield joined(group, pauses, SHORTEST_PAUSE_SECONDS)
            group, pauses, length = [], [], 0.0
    if group:
        yield joined(group, pauses, SHORTEST_PAUSE_SECONDS)


def joined(sentences: Sequence[SaidSentence], pauses: Sequence[float], end: float) -> Recording:
    """The sentences one after the other, each behind its pause, and silence at the end."""
    parts: list[Samples] = []
    said = []
    place = 0
    for sentence, pause in zip(sentences, pauses, strict=True):
        parts += [_silence(pause), sentence.samples]
        start = place + len(parts[-2])
        place = start + len(sentence.samples)
        said.append(_placed(sentence, start / SAMPLE_RATE, place / SAMPLE_RATE))
    samples = np.concatenate([*parts, _silence(end)])
    return Recording(webm(samples), len(samples), tuple(said))


def _placed(sentence: SaidSentence, start: float, end: float) -> Said:
    words = tuple(SaidWord(word.text, None if word.start is None else start + word.start) for word in sentence.words)
    return Said(sentence.text, sentence.delivery.variant, start, end, words)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), dtype=np.float32)
