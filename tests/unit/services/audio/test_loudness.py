import numpy as np
import pytest

from services.audio.loudness import MOST_GAIN_DB, TARGET_DBFS, Meter
from services.audio.samples import Samples
from services.models import Span
from tests.recordings import silence, speech, tone


def at(dbfs: float, samples: Samples) -> Samples:
    """The same at another level, as a recorder with 16 bits keeps it."""
    louder = samples * 10 ** (dbfs / 20) / np.sqrt(np.square(samples).mean())
    return np.asarray(np.round(np.clip(louder, -1, 1) * 32767) / 32768, np.float32)


def measured(samples: Samples, step: int = 10_000_000) -> Meter:
    meter = Meter()
    for start in range(0, len(samples), step):
        meter.hear(samples[start : start + step])
    return meter


def gain_db(samples: Samples, *speech: tuple[float, float]) -> float:
    spans = [Span(*each) for each in speech] or [Span(0, len(samples) / 16_000)]
    return float(20 * np.log10(measured(samples).gain(spans)))


@pytest.mark.parametrize("dbfs", [-50, -23, -10])
def test_a_tone_is_as_loud_as_it_is(dbfs):
    assert measured(at(dbfs, tone(5))).loudness_dbfs() == pytest.approx(dbfs, abs=0.05)


@pytest.mark.parametrize("step", [100, 1600, 65_536])
def test_what_comes_in_pieces_is_measured_as_one(step):
    samples = np.concatenate([speech(), silence(3.3), 0.1 * speech()])
    assert measured(samples, step).loudness_dbfs() == measured(samples).loudness_dbfs()


def test_silence_has_no_loudness_and_is_left_as_it_is():
    for samples in (silence(5), silence(0), at(-80, tone(5))):
        assert measured(samples).loudness_dbfs() is None
        assert gain_db(samples) == 0


def test_pauses_do_not_make_speech_quieter():
    talk = at(-30, speech())
    quiet = measured(np.concatenate([talk, silence(60), talk])).loudness_dbfs()
    assert quiet == pytest.approx(measured(talk).loudness_dbfs(), abs=1.0)


@pytest.mark.covers("Q-normalised")
@pytest.mark.parametrize("dbfs", [-55, -40, -30, -20, -12])
def test_whatever_the_level_it_becomes_the_same(dbfs):
    """Gating leaves pauses out, which are in the mean square: speech comes out somewhat below the target by it."""
    samples = at(dbfs, speech())
    louder = samples * 10 ** (gain_db(samples) / 20)
    assert 10 * np.log10(np.square(louder).mean()) == pytest.approx(TARGET_DBFS - 1, abs=1.5)
    assert np.abs(louder).max() <= 1


def test_only_speech_counts():
    samples = np.concatenate([at(-10, tone(10)), at(-40, speech())])
    spoken = (10.0, len(samples) / 16_000)
    assert gain_db(samples, spoken) == pytest.approx(gain_db(at(-40, speech())), abs=0.5)


def test_what_is_hardly_there_is_not_made_loud():
    assert gain_db(at(-68, tone(5))) == pytest.approx(MOST_GAIN_DB, abs=0.01)


def test_loud_moments_are_not_clipped_and_one_click_does_not_keep_a_voice_quiet():
    peaks = at(-50, tone(20))
    peaks[::1600] = 0.25
    assert gain_db(peaks) <= 12.1
    click = at(-50, tone(20))
    click[8_000] = 0.25
    assert gain_db(click) == pytest.approx(27, abs=0.5)


def test_what_is_shorter_than_a_block_is_measured_too():
    assert gain_db(at(-43, tone(0.2))) == pytest.approx(20, abs=0.1)
    assert gain_db(at(-43, tone(0.05))) == 0
