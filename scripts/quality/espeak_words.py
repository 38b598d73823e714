"""When each word of a sentence begins, as espeak-ng itself says: the truth that word times are held against."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from config import ROOT
from scripts.demo_model.speech import Samples, from_espeak
from scripts.demo_model.voices import Delivery
from scripts.quality.espeak_child import NO_LIBRARY

SECONDS_A_SENTENCE = 30
AT_ONCE = 2


class NoEspeakLibrary(Exception):
    """Raised where the program espeak-ng is installed and its library is not."""


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word and the second it begins at; None where espeak-ng says it as one with the word before ("in the")."""

    text: str
    start: float | None


@dataclass(frozen=True, slots=True)
class SaidSentence:
    """A sentence as `scripts.demo_model.speech.speak` returns it, with the places of its words in these samples."""

    text: str
    delivery: Delivery
    samples: Samples
    words: tuple[SaidWord, ...]


def say(text: str, delivery: Delivery) -> SaidSentence:
    """Speak one sentence; raises `NoEspeakLibrary`, and OSError where there is no espeak-ng at all."""
    voice = f"{delivery.accent}+{delivery.variant}"
    command = [sys.executable, "-m", "scripts.quality.espeak_child", voice, str(delivery.speed), str(delivery.pitch)]
    child = subprocess.run([*command, text], capture_output=True, cwd=ROOT, timeout=SECONDS_A_SENTENCE, check=False)
    if child.returncode == NO_LIBRARY:
        raise NoEspeakLibrary(
            "Word times need libespeak-ng.so.1 (Debian: apt-get install libespeak-ng1): "
            f"{child.stderr.decode().strip()}"
        )
    child.check_returncode()
    head, _, raw = child.stdout.partition(b"\n")
    samples, cut_seconds = from_espeak(np.frombuffer(raw, dtype="<i2"))
    return SaidSentence(text, delivery, samples, tuple(_words(text, json.loads(head)["words"], cut_seconds)))


def say_all(sentences: Iterable[tuple[str, Delivery]]) -> Iterator[SaidSentence]:
    """Each of them in turn, spoken some at a time."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(lambda each: say(*each), sentences)


def _words(text: str, events: list[tuple[int, int, int]], cut_seconds: float) -> Iterator[SaidWord]:
    """The words of the text in order; an event counts characters from 1, and milliseconds before anything was cut."""
    began = {position - 1: milliseconds for position, _, milliseconds in events}
    place = 0
    for word in text.split():
        place = text.index(word, place)
        start = began.get(place)
        yield SaidWord(word, None if start is None else max(0.0, start / 1000 - cut_seconds))
        place += len(word)
