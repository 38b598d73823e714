import numpy as np
import pytest

from services.audio.windows import Window, cut, is_silent
from services.transcribers import SAMPLE_RATE_HZ
from tests.recordings import silence, tone


def talk(*stretches: float) -> np.ndarray:
    """Tones of the given lengths in seconds, with a pause of half a second after each."""
    return np.concatenate([part for seconds in stretches for part in (tone(seconds), silence(0.5))])


@pytest.mark.parametrize("seconds", [0, 0.001, 1, 29.99, 30, 30.01, 31, 32, 45, 61.5, 60, 90.2, 600])
def test_windows_are_the_whole_recording_and_none_is_longer_than_30_seconds(seconds):
    samples = np.random.default_rng(0).normal(scale=0.1, size=round(seconds * SAMPLE_RATE_HZ)).astype(np.float32)
    windows = cut(samples)
    assert np.array_equal(np.concatenate([window.samples for window in windows]), samples)
    assert all(window.seconds <= 30 for window in windows)
    starts = np.cumsum([0, *(window.seconds for window in windows[:-1])])
    assert [window.start_seconds for window in windows] == pytest.approx(starts)


@pytest.mark.parametrize("seconds", [30.01, 31.9, 59, 61, 300.3])
def test_no_window_of_a_long_recording_is_a_mere_rest(seconds):
    assert all(window.seconds >= 2 for window in cut(tone(seconds)))


def test_a_window_ends_in_the_pause_between_two_words():
    (first, second) = cut(talk(24, 20))
    assert 24 < first.seconds < 24.5
    assert second.start_seconds == first.seconds


def test_a_pause_is_found_under_noise():
    samples = talk(22, 30) + np.random.default_rng(0).normal(scale=0.05, size=len(talk(22, 30))).astype(np.float32)
    assert 22 < cut(samples)[0].seconds < 22.5


def test_of_equally_quiet_places_the_last_is_taken():
    assert cut(silence(65))[0].seconds > 29


def test_the_windows_share_the_memory_of_the_recording():
    samples = tone(70)
    assert all(np.shares_memory(window.samples, samples) for window in cut(samples))


@pytest.mark.parametrize(
    "samples",
    [silence(5), silence(0), tone(0.005), tone(5, amplitude=0.0005), np.full(16_000, 0.3, np.float32)],
    ids=["digital silence", "nothing", "too short to be a sound", "the last bits of a muted microphone", "an offset"],
)
def test_a_recording_without_any_sound_is_silent(samples):
    assert is_silent(samples)


@pytest.mark.parametrize(
    "samples",
    [tone(5, amplitude=0.005), np.concatenate([silence(20), tone(0.1), silence(20)])],
    ids=["a whisper", "one short word in a long silence"],
)
def test_whatever_can_be_heard_is_not_silent(samples):
    assert not is_silent(samples)


def test_a_window_knows_its_length():
    assert Window(3.0, tone(1.5)).seconds == 1.5
