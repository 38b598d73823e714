"""The real Whisper code under a cancelled answer: it stops at the next window, and inside one at the next pulse."""

from pathlib import Path

import numpy as np
import pytest

from services.audio.samples import Samples
from services.decisions import Decisions
from services.models import AnswerRef, WhisperModel
from services.storage.decisions import DecisionStore
from services.transcribers.hearing import Hearing, Sound
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import ModelChoice
from tests.fakes import RememberingQueue
from tests.recordings import float_wav, silence, speech
from tests.stores import Stores, transcription_over
from tests.tiny_whisper import save_tiny_whisper


class Cancelled:
    """A hearing that is cancelled when it begins to hear the second window."""

    def __init__(self, hearing: Hearing, cancel) -> None:
        self._hearing = hearing
        self._cancel = cancel
        self.begun: list[float] = []
        self.heard = 0

    def sound(self, samples, stopwatch) -> Sound:
        sound = self._hearing.sound(samples, stopwatch)
        self.begun.append(sound.seconds)
        if len(self.begun) == 2:
            self._cancel()
        return sound

    def said(self, *args):
        said = self._hearing.said(*args)
        self.heard += 1
        return said

    def __getattr__(self, name):
        return getattr(self._hearing, name)


def four_times_spoken() -> Samples:
    """Each time in a window of its own."""
    return np.tile(np.concatenate([speech(), silence(2.5)]), 4)


@pytest.mark.parametrize(("pulse_seconds", "heard"), [(3.0, 2), (0.0, 1)], ids=["at the next window", "at the pulse"])
def test_the_compute_of_a_cancelled_answer_stops(stores: Stores, tmp_path: Path, monkeypatch, pulse_seconds, heard):
    monkeypatch.setattr("services.transcribers.hearing.PULSE_SECONDS", pulse_seconds)
    model = WhisperModel("tiny", demo_model=True)
    loaded = load_whisper(
        ModelChoice(model, save_tiny_whisper(tmp_path, "<|0.00|> we moved the service"), "cpu", "a test")
    )
    ref = AnswerRef(stores.start("q1"), "q1", "a" * 24)
    stores.acceptance.accept(ref, stores.uploaded(ref, float_wav(four_times_spoken())))
    decisions = Decisions(DecisionStore(stores.database), RememberingQueue())
    hearing = Cancelled(loaded._hearing, lambda: decisions.cancel(ref))
    loaded._hearing = hearing  # type: ignore[assignment]
    transcription_over(stores, lambda: loaded).transcribe(ref)
    assert len(hearing.begun) == 2
    assert hearing.heard == heard
    assert stores.answer(ref)["transcription_status"] == "cancelled"
    stores.check(ref.session_id)
