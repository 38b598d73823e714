"""Decides how a recording is heard: once through it for how long it is, where somebody speaks, and how loudly."""

import time
from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING

import numpy as np

from services.audio.loudness import STEP_SAMPLES, Meter, gain_for, loudness_dbfs
from services.audio.sound import Sound
from services.audio.windows import windows_of
from services.models import Plan, Span
from services.transcribers import PULSE_SECONDS, SAMPLE_RATE_HZ

if TYPE_CHECKING:  # it brings PyTorch along
    from services.audio.speech import SpeechDetector


def plan_of(
    sound: Sound, detector: "SpeechDetector", on_wait: Callable[[], None], timing: MutableMapping[str, float]
) -> Plan:
    """How the recording is heard; the seconds that this took are added to `timing` as `decode` and `vad`.

    `on_wait` is called every few seconds, and what it raises ends the work. Raises as `Sound.blocks`.
    """
    from services.audio.speech import spans_of  # noqa: PLC0415 - whoever has a detector has loaded it

    listening, meter, heard, told_at = detector.listen(), Meter(), 0, time.monotonic()
    began, decoded_before = time.monotonic(), sound.decode_seconds
    for block in sound.blocks():
        heard += len(block)
        meter.hear(block)
        listening.hear(block)
        if time.monotonic() - told_at >= PULSE_SECONDS:
            on_wait()
            told_at = time.monotonic()
    seconds = round(heard / SAMPLE_RATE_HZ, 3)
    probabilities = listening.probabilities()
    speech = spans_of(probabilities, seconds)
    gain = gain_for(loudness_dbfs(_spoken(meter, speech)))
    plan = Plan(seconds, speech, windows_of(speech, probabilities, seconds), gain)
    decode_seconds = sound.decode_seconds - decoded_before
    timing["decode"] = timing.get("decode", 0.0) + decode_seconds
    timing["vad"] = timing.get("vad", 0.0) + time.monotonic() - began - decode_seconds
    return plan


def _spoken(meter: Meter, speech: tuple[Span, ...]) -> "np.typing.NDArray[np.float64]":
    powers = meter.powers()
    steps_a_second = SAMPLE_RATE_HZ / STEP_SAMPLES
    spoken = np.zeros(len(powers), bool)
    for span in speech:
        spoken[int(span.start * steps_a_second) : int(span.end * steps_a_second) + 1] = True
    return powers[spoken]
