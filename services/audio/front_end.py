"""Decides how a recording is heard: once through it for how long it is, where somebody speaks, and how loudly."""

import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from services.audio.loudness import MOST_GAIN_DB, TARGET_DBFS, Meter
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.sound import Sound
from services.audio.windows import windows_of
from services.models import Plan
from services.pulse import PULSE_SECONDS

if TYPE_CHECKING:  # it brings PyTorch along, and whoever calls has it already
    from services.audio.speech import SpeechDetector

# Measured: from -10 dBFS down to here the detector says the same of the same speech, at -50 dBFS it hears beginnings
# 0.3 s late, at -60 dBFS it misses sentences.
FAINT_DBFS = -40.0
# A Whisper goes through a whole 30 s whatever is in them, and was taught with full ones: Bain et al. 2023 (WhisperX)
# merge speech to about that length, too.
TARGET_SECONDS = 28.0


def plan_of(
    sound: Sound,
    detector: "SpeechDetector",
    on_wait: Callable[[], None],
    timing: MutableMapping[str, float],
    *,
    target_seconds: float = TARGET_SECONDS,
) -> Plan:
    """How the recording is heard, in windows of about `target_seconds`.

    The seconds that this took are added to `timing` as `decode` and `vad`. `on_wait` is called every few seconds, and
    what it raises ends the work. Raises as `Sound.blocks`.
    """
    with _timed(sound, timing):
        meter, heard = Meter(), 0
        listening = detector.listen()
        for block in _paced(sound.blocks(), on_wait):
            heard += len(block)
            meter.hear(block)
            listening.hear(block)
        loudness = meter.loudness_dbfs()
        if loudness is not None and loudness < FAINT_DBFS:
            # Again, and louder. From memory where the recording is short; few long ones are whispered.
            factor = np.float32(10 ** (min(MOST_GAIN_DB, TARGET_DBFS - loudness) / 20))
            listening = detector.listen()
            for block in _paced(sound.blocks(), on_wait):
                listening.hear(np.clip(block * factor, -1.0, 1.0))
        seconds = round(heard / SAMPLE_RATE_HZ, 3)
        speech = listening.speech(seconds)
        windows = windows_of(speech, listening.probabilities(), seconds, target_seconds=target_seconds)
        return Plan(seconds, speech, windows, meter.gain(speech))


@contextmanager
def _timed(sound: Sound, timing: MutableMapping[str, float]) -> Iterator[None]:
    """What is not spent waiting for the decoder is spent listening."""
    began, decoded = time.monotonic(), sound.decode_seconds
    yield
    decode_seconds = sound.decode_seconds - decoded
    timing["decode"] = timing.get("decode", 0.0) + decode_seconds
    timing["vad"] = timing.get("vad", 0.0) + time.monotonic() - began - decode_seconds


def _paced(blocks: Iterator[Samples], on_wait: Callable[[], None]) -> Iterator[Samples]:
    """The decoder tells of its own waits; this tells of a machine that takes long to listen."""
    told_at = time.monotonic()
    for block in blocks:
        yield block
        if time.monotonic() - told_at >= PULSE_SECONDS:
            on_wait()
            told_at = time.monotonic()
