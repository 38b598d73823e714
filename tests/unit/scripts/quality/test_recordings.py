import numpy as np
import pytest

from scripts.demo_model.speech import SAMPLE_RATE
from scripts.demo_model.voices import Delivery
from scripts.quality import recordings
from scripts.quality.espeak_words import SaidSentence, SaidWord
from scripts.quality.recordings import alone, joined, long_recordings


def _sentence(seconds: float) -> SaidSentence:
    """A tone in place of speech."""
    samples = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    words = (SaidWord("in", 0.1), SaidWord("the", None), SaidWord("end", 0.4))
    return SaidSentence("in the end", Delivery("en-us", "f2", 148, 50), samples.astype(np.float32), words)


@pytest.fixture(autouse=True)
def _uncompressed(monkeypatch):
    monkeypatch.setattr(recordings, "webm", lambda samples: samples.tobytes())


def test_words_stand_where_their_sentence_was_put():
    recording = joined([_sentence(1.0), _sentence(2.0)], [0.5, 3.0], end=0.5)

    assert [(said.start, said.end) for said in recording.said] == [(0.5, 1.5), (4.5, 6.5)]
    assert [word.start for word in recording.words] == pytest.approx([0.6, None, 0.9, 4.6, None, 4.9])
    assert recording.seconds == 7.0
    sound = np.frombuffer(recording.content, np.float32)
    loud = np.flatnonzero(np.abs(sound) > 0.01) / SAMPLE_RATE
    assert loud[0] == pytest.approx(0.5, abs=0.001)
    assert not ((loud > 1.51) & (loud < 4.49)).any()


def test_long_recordings_hold_every_sentence_once_and_end_behind_their_length():
    sentences = [_sentence(1.0 + number / 10) for number in range(40)]

    made = list(long_recordings(sentences, 60.0))

    assert sorted(round(said.end - said.start, 1) for each in made for said in each.said) == [
        round(1.0 + number / 10, 1) for number in range(40)
    ]
    assert all(60.0 <= each.seconds < 60.0 + 20.0 + 5.0 + 0.3 for each in made[:-1])
    pauses = [
        after.start - before.end for each in made for before, after in zip(each.said, each.said[1:], strict=False)
    ]
    assert 0.29 < min(pauses) < 0.6
    assert 10 < max(pauses) < 20.01


def test_a_sentence_alone_has_up_to_a_second_of_silence_around_it():
    (recording,) = alone([_sentence(1.0)])

    assert 0.1 <= recording.said[0].start <= 1.0
    assert 0.3 <= recording.seconds - recording.said[0].end <= 1.0
