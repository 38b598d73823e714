import shutil

import numpy as np
import pytest

from scripts.demo_model.speech import SAMPLE_RATE, Samples, speak
from scripts.demo_model.voices import Delivery
from scripts.quality import espeak_child
from scripts.quality.espeak_words import NoEspeakLibrary, say, say_all

pytestmark = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")

# What a word begins with: espeak-ng counts the closed mouth of a plosive as a part of it.
SILENT_AT_MOST_SECONDS = 0.07
QUIET_SECONDS = 0.08


@pytest.fixture(autouse=True)
def _library():
    try:
        say("yes", Delivery("en-us", "f2", 148, 50))
    except NoEspeakLibrary as error:
        pytest.skip(str(error))


def _onsets(samples: Samples) -> list[float]:
    """Seconds at which sound begins after at least 80 ms of quiet."""
    size = SAMPLE_RATE // 200
    peaks = np.abs(samples[: len(samples) - len(samples) % size]).reshape(-1, size).max(axis=1)
    quiet, frames = peaks < 0.004, round(QUIET_SECONDS * 200)
    return [
        place / 200 for place in range(frames, len(quiet)) if not quiet[place] and quiet[place - frames : place].all()
    ]


def test_words_begin_where_their_sound_does():
    said = say("yes, tell, people, customers, data, big, dog", Delivery("en-us", "m4", 148, 50))
    starts = [word.start for word in said.words]

    assert starts[0] == 0.0
    onsets = _onsets(said.samples)
    assert len(onsets) == len(starts) - 1
    for start, onset in zip(starts[1:], onsets, strict=True):
        assert start is not None
        assert -0.01 < onset - start < SILENT_AT_MOST_SECONDS


@pytest.mark.parametrize(("accent", "voice"), [("en-gb-scotland", "klatt3"), ("en-us-nyc", "grandpa")])
def test_the_sound_is_what_the_command_line_makes(accent, voice):
    delivery = Delivery(accent, voice, 168, 40)

    first, second = say_all([("i stay calm under pressure", delivery), ("the risk was high", delivery)])

    assert np.array_equal(first.samples, speak(first.text, delivery))
    assert np.array_equal(second.samples, speak(second.text, delivery))


def test_words_said_as_one_have_one_time():
    said = say("uh we found forty bugs in the platform", Delivery("en-gb-scotland", "steph2", 157, 50))

    assert [word.text for word in said.words if word.start is None] == ["the"]
    starts = [word.start for word in said.words if word.start is not None]
    assert starts == sorted(set(starts))
    assert starts[-1] < len(said.samples) / SAMPLE_RATE


def test_a_missing_library_is_said_with_what_to_install(monkeypatch):
    class Child:
        returncode, stdout, stderr = espeak_child.NO_LIBRARY, b"", b"libespeak-ng.so.1: cannot open"

    monkeypatch.setattr("scripts.quality.espeak_words.subprocess.run", lambda *command, **options: Child)

    with pytest.raises(NoEspeakLibrary, match="apt-get install libespeak-ng1"):
        say("yes", Delivery("en-us", "f2", 148, 50))
