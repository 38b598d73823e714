"""Hears recordings once, and tells what every word's probability would be at any of several temperatures."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from scripts.demo_model.evaluate import Listener
from scripts.quality.calibration import Judged
from scripts.quality.ears import heard
from scripts.quality.matching import matched
from scripts.quality.recordings import Recording
from services.audio.speech import SpeechDetector
from services.models import WhisperModel
from services.transcribers.hearing import Hearing
from services.transcribers.spelling import Spelled
from services.transcribers.whisper import WhisperTranscriber
from services.transcribers.word_times import Look, WordTimes


class Thermometer(WordTimes):
    """Words with a number in place of a probability: whatever is left of the text later, it can be looked up."""

    def __init__(self, hearing: Hearing, temperatures: Sequence[float]) -> None:
        super().__init__(hearing)
        self._temperatures = temperatures
        self.probabilities: list[tuple[float, ...]] = []

    def _probabilities(self, logits: Tensor, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Of each token at each temperature."""
        each = []
        for temperature in self._temperatures:
            self._temperature = temperature
            each.append(super()._probabilities(logits, tokens))
        return np.stack(each, axis=-1)

    def _sure(self, word: Spelled, look: Look, rounds: int) -> float:
        own = look.probabilities[word.core.start : word.core.stop].mean(axis=0) / rounds
        self.probabilities.append(tuple(own.tolist()))
        return float(len(self.probabilities) - 1)


def judged(folder: Path, recordings: Iterable[Recording], temperatures: Sequence[float]) -> list[list[Judged]]:
    """For each temperature all words that the product hears, on the same recordings in the same order."""
    listener = Listener(folder)
    hearing = Hearing(listener.model, listener.processor)
    thermometer = Thermometer(hearing, temperatures)
    transcriber = WhisperTranscriber(WhisperModel(str(folder), True), hearing, thermometer, SpeechDetector())
    at_each: list[list[Judged]] = [[] for _ in temperatures]
    for recording in recordings:
        match = matched(recording.words, heard(transcriber, recording.content).words)
        numbers = [(round(word.probability), True) for _, word in match.right]
        numbers += [(round(word.probability), False) for word in match.wrong]
        for number, is_right in numbers:
            for words, probability in zip(at_each, thermometer.probabilities[number], strict=True):
                words.append(Judged(probability, is_right))
    return at_each
