from itertools import islice

import numpy as np
import pytest

from scripts.quality.noises import Noise, noises
from scripts.quality.silence import CLIPS
from services.audio.samples import SAMPLE_RATE_HZ


@pytest.fixture(scope="module")
def clips() -> list[Noise]:
    return list(noises())


def test_there_are_200_of_five_to_twenty_seconds(clips):
    assert len(clips) == CLIPS == 200
    assert all(5 * SAMPLE_RATE_HZ <= len(clip.samples) <= 20 * SAMPLE_RATE_HZ for clip in clips)
    assert all(np.isfinite(clip.samples).all() and np.abs(clip.samples).max() <= 1 for clip in clips)


def test_they_are_the_same_each_time(clips):
    again = islice(noises(), 30)

    assert all(np.array_equal(one.samples, other.samples) for one, other in zip(clips, again, strict=False))


def test_only_digital_silence_is_silent_and_white_noise_reaches_every_level(clips):
    assert {clip.kind for clip in clips if not clip.samples.any()} == {"digital silence"}
    white = [float(np.sqrt(np.mean(clip.samples**2))) for clip in clips if clip.kind == "white noise"]
    assert white == sorted(white)
    assert white[0] < 0.0011
    assert white[-1] > 0.4


def test_brown_noise_is_deeper_than_pink_and_pink_than_white(clips):
    middle = {clip.kind: _middle_hz(clip.samples) for clip in clips if clip.kind.endswith("noise")}

    assert middle["brown noise"] < middle["pink noise"] < middle["white noise"]


def _middle_hz(samples: "np.typing.NDArray[np.float32]") -> float:
    power = np.cumsum(np.abs(np.fft.rfft(samples)) ** 2)
    return float(np.searchsorted(power, power[-1] / 2) * SAMPLE_RATE_HZ / len(samples))
