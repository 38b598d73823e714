"""What several measurements share: the test set as recordings, and what was heard in it; each made when first asked."""

from functools import cached_property
from pathlib import Path

from scripts.demo_model.evaluate import BATCH, Heard, Listener
from scripts.demo_model.heldout import Window
from scripts.demo_model.speech import from_webm
from scripts.quality.ears import HeardRecording, heard, loaded
from scripts.quality.espeak_words import SaidSentence
from scripts.quality.progress import Say, counted
from scripts.quality.recordings import LONG_SECONDS, Recording, alone, long_recordings
from scripts.quality.sentences import test_set
from services.transcribers import Transcriber


class Material:
    """So many sentences of the test set, and a model."""

    def __init__(self, folder: Path, sentences: int, say: Say, long_seconds: float = LONG_SECONDS) -> None:
        self.folder = folder
        self.count = sentences
        self.say = say
        self._long_seconds = long_seconds

    @cached_property
    def transcriber(self) -> Transcriber:
        return loaded(self.folder)

    @cached_property
    def sentences(self) -> list[SaidSentence]:
        return list(counted(test_set(self.count), self.count, "sentences spoken", self.say))

    @cached_property
    def alone(self) -> list[Recording]:
        return list(counted(alone(self.sentences), self.count, "sentences recorded", self.say))

    @cached_property
    def long(self) -> list[Recording]:
        spoken = self.sentences
        return list(counted(long_recordings(spoken, self._long_seconds), 4, "long recordings made", self.say))

    @cached_property
    def heard_alone(self) -> list[HeardRecording]:
        return self._heard(self.alone, "sentences heard")

    @cached_property
    def heard_long(self) -> list[HeardRecording]:
        return self._heard(self.long, "long recordings heard")

    @cached_property
    def plain_alone(self) -> list[Heard]:
        """By `generate()` as any program would call it, without anything of ours."""
        listener = Listener(self.folder)
        windows = [Window(from_webm(each.content, each.samples), []) for each in self.alone]
        batches = [windows[first : first + BATCH] for first in range(0, len(windows), BATCH)]
        answers = counted(map(listener.hear, batches), len(batches), "batches heard by generate()", self.say)
        return [answer for batch in answers for answer in batch]

    def _heard(self, recordings: list[Recording], what: str) -> list[HeardRecording]:
        transcriber = self.transcriber
        found = (heard(transcriber, each.content) for each in recordings)
        return list(counted(found, len(recordings), what, self.say))
