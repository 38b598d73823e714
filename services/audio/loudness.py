"""How loud people speak in a recording, and what to multiply it by so that all recordings are equally loud.

Measured as ITU-R BS.1770-5 (annex 1) measures programmes: in blocks of 400 ms, each a quarter further on, of which
those count that are above an absolute gate, and of these those that are not far below their mean. Its weighting of
frequencies is left out: it is made for ears, and for music in rooms.
"""

from collections.abc import Iterable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.models import Span

STEPS_A_SECOND = 10
STEP_SAMPLES = SAMPLE_RATE_HZ // STEPS_A_SECOND
STEPS_A_BLOCK = 4
# BS.1770-5: in LUFS there, in dBFS here.
ABSOLUTE_GATE_DBFS = -70.0
RELATIVE_GATE_DB = -10.0
# EBU R 128, and the level at which the demo model is at its best. Speech has peaks some 18 dB above its mean square.
TARGET_DBFS = -23.0
# Somebody who is heard at -63 dBFS has 35 dB left above the last bit of a 16-bit recording; below that is only noise.
MOST_GAIN_DB = 40.0
# One loud moment in a hundred may be clipped: a door must not keep a quiet voice quiet.
PEAK_SHARE = 0.99


class Meter:
    """Measures a recording some seconds at a time; keeps two numbers for each tenth of a second."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)
        self._powers: list[NDArray[np.float64]] = []
        self._peaks: list[Samples] = []

    def hear(self, samples: Samples) -> None:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % STEP_SAMPLES
        self._rest = samples[whole:]
        steps = samples[:whole].reshape(-1, STEP_SAMPLES)
        self._powers.append(np.square(steps, dtype=np.float64).mean(axis=1))
        self._peaks.append(np.abs(steps).max(axis=1))

    def gain(self, speech: Iterable[Span]) -> float:
        """What to multiply the samples by, so that the speech is of even loudness and not clipped."""
        powers, peaks = np.concatenate([*self._powers, np.empty(0)]), np.concatenate([*self._peaks, np.empty(0)])
        spoken = np.zeros(len(powers), bool)
        for span in speech:
            spoken[int(span.start * STEPS_A_SECOND) : int(span.end * STEPS_A_SECOND) + 1] = True
        loudness = _loudness_dbfs(powers[spoken])
        if loudness is None:
            return 1.0
        gain = 10 ** (min(MOST_GAIN_DB, TARGET_DBFS - loudness) / 20)
        return float(min(gain, max(1.0, 1.0 / np.quantile(peaks[spoken], PEAK_SHARE))))

    def loudness_dbfs(self) -> float | None:
        """Of all that was heard; None where nothing is above the absolute gate."""
        return _loudness_dbfs(np.concatenate([*self._powers, np.empty(0)]))


def _loudness_dbfs(powers: NDArray[np.float64]) -> float | None:
    if not len(powers):
        return None
    # What is shorter than a block is one by itself.
    blocks = sliding_window_view(powers, min(len(powers), STEPS_A_BLOCK)).mean(axis=1)
    loud = blocks[blocks > 10 ** (ABSOLUTE_GATE_DBFS / 10)]
    if not len(loud):
        return None
    return float(10 * np.log10(loud[loud > loud.mean() * 10 ** (RELATIVE_GATE_DB / 10)].mean()))
