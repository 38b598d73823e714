"""Hears recordings once, and tells what every word's probability would be at any of several temperatures."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from scripts.demo_model.evaluate import Listener
from scripts.quality.calibration import Judged
from scripts.quality.ears import heard
from scripts.quality.matching import matched
from scripts.quality.recordings import Recording
from services.audio.speech import SpeechDetector
from services.models import Span, WhisperModel
from services.transcribers.hearing import Hearing, Said, Sound
from services.transcribers.segments import HeardSegment
from services.transcribers.whisper import WhisperTranscriber
from services.transcribers.word_times import WordTimes


class Thermometer(WordTimes):
    """As a probability, every word carries its number: whatever is left of the text later, it can be looked up."""

    def __init__(self, hearing: Hearing, temperatures: Sequence[float]) -> None:
        super().__init__(hearing)
        self._each = [WordTimes(hearing, temperature) for temperature in temperatures]
        self.probabilities: list[tuple[float, ...]] = []

    def found(self, sound: Sound, said: Said, language: str | None, speech: Sequence[Span]) -> list[HeardSegment]:
        """The segments with their words."""
        at_each = [words.found(sound, said, language, speech) for words in self._each]
        return [self._numbered(versions) for versions in zip(*at_each, strict=True)]

    def _numbered(self, versions: tuple[HeardSegment, ...]) -> HeardSegment:
        words = []
        for alike in zip(*(version.words for version in versions), strict=True):
            words.append(replace(alike[0], probability=float(len(self.probabilities))))
            self.probabilities.append(tuple(word.probability for word in alike))
        return replace(versions[0], words=tuple(words))


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
