"""From the bytes of a recording to its plan, with the real decoder and the real detector."""

import numpy as np
import pytest

from scripts.encoding import AAC, WAV, encode
from services.audio.front_end import plan_of
from services.audio.samples import Samples
from services.audio.sound import Sound
from services.audio.speech import SpeechDetector
from services.errors import LeaseLost, RecordingRejected
from services.models import Plan
from tests.recordings import silence, speech, tone
from tests.unit.services.audio.test_loudness import at

SPEECH_SECONDS = len(speech()) / 16_000


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


def sound_of(content: bytes) -> Sound:
    return Sound(content, max_seconds=600, on_wait=lambda: None)


def planned(detector: SpeechDetector, samples: Samples) -> Plan:
    return plan_of(sound_of(encode(samples, WAV)), detector, lambda: None, {})


def said_twice(pause: float) -> Samples:
    return np.concatenate([silence(1.5), speech(), silence(pause), speech(), silence(0.5)])


def test_a_recording_is_heard_where_somebody_speaks(detector):
    first, second = planned(detector, said_twice(40)).windows
    assert first.start == pytest.approx(0.5, abs=0.2)
    assert first.end == pytest.approx(2.5 + SPEECH_SECONDS, abs=0.4)
    assert second.start == pytest.approx(40.5 + SPEECH_SECONDS, abs=0.2)
    assert second.end == pytest.approx(42.0 + 2 * SPEECH_SECONDS, abs=0.4)


def test_the_plan_tells_how_long_the_recording_is(detector):
    assert planned(detector, said_twice(3)).duration_seconds == pytest.approx(5 + 2 * SPEECH_SECONDS, abs=0.001)


@pytest.mark.parametrize("samples", [silence(3), silence(0.01), tone(5), at(-65, tone(5, 120))])
def test_where_nobody_speaks_there_is_no_window(detector, samples):
    plan = planned(detector, samples)
    assert (plan.speech, plan.windows, plan.gain) == ((), (), 1.0)


@pytest.mark.parametrize("dbfs", [-50, -60])
@pytest.mark.parametrize("seconds", [20, 150], ids=["short", "long"])
def test_a_whisper_is_cut_as_a_loud_voice_is(detector, seconds, dbfs):
    samples = np.resize(np.concatenate([speech(), silence(2.5)]), seconds * 16_000)
    whispered, spoken = (planned(detector, at(level, samples)) for level in (dbfs, -20))
    assert len(whispered.windows) == len(spoken.windows)
    for faint, loud in zip(whispered.windows, spoken.windows, strict=True):
        assert (faint.start, faint.end) == pytest.approx((loud.start, loud.end), abs=0.07)
    assert whispered.gain / spoken.gain == pytest.approx(10 ** ((-20 - dbfs) / 20), rel=0.05)


def test_windows_are_as_long_as_is_asked_for(detector):
    samples = np.concatenate([part for _ in range(8) for part in (speech(), silence(0.6))])
    for target in (8.0, 28.0):
        plan = plan_of(sound_of(encode(samples, WAV)), detector, lambda: None, {}, target_seconds=target)
        longest = max(window.seconds for window in plan.windows)
        assert target / 2 < longest <= target


def test_the_time_it_took_is_told_by_stage(detector):
    timing = {"queue": 1.0, "decode": 100.0}
    plan_of(sound_of(encode(said_twice(1), WAV)), detector, lambda: None, timing)
    assert timing["queue"] == 1.0
    assert timing["decode"] > 100.0
    assert 0 < timing["vad"] < 10


def test_who_holds_a_lease_hears_of_it_and_may_end_the_work(detector, monkeypatch):
    monkeypatch.setattr("services.audio.front_end.PULSE_SECONDS", 0.0)
    told: list[int] = []

    def lose_the_lease_at_the_third() -> None:
        told.append(1)
        if len(told) == 3:
            raise LeaseLost("The answer was taken over.")

    with pytest.raises(LeaseLost):
        plan_of(sound_of(encode(tone(60), WAV)), detector, lose_the_lease_at_the_third, {})
    assert len(told) == 3


def test_a_recording_that_cannot_be_heard_has_no_plan(detector):
    for content in (b"", b"nonsense", encode(speech(), AAC)[:20]):
        with pytest.raises(RecordingRejected):
            plan_of(sound_of(content), detector, lambda: None, {})
