"""How loud people speak in a recording, and what to multiply it by so that all recordings are equally loud.

Measured as ITU-R BS.1770-5 measures programmes: in blocks of 400 ms, a fourth of one apart, of which those count that
are above an absolute gate, and then those that are not far below their mean. Its weighting of frequencies is left out:
it is made for music in rooms, and the models hear no difference.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.transcribers import SAMPLE_RATE_HZ, Samples

STEP_SAMPLES = SAMPLE_RATE_HZ // 10
STEPS_A_BLOCK = 4
# BS.1770-5, annex 1: the gates, in LUFS there and in dBFS here.
ABSOLUTE_GATE_DBFS = -70.0
RELATIVE_GATE_DB = -10.0
TARGET_DBFS = -20.0
MOST_GAIN_DB = 40.0
MOST_LOSS_DB = 12.0


class Meter:
    """Measures a recording some seconds at a time; keeps one number for each 100 ms."""

    def __init__(self) -> None:
        self._rest = np.empty(0, np.float32)
        self._powers: list[NDArray[np.float64]] = []

    def hear(self, samples: Samples) -> None:
        samples = np.concatenate((self._rest, samples))
        whole = len(samples) - len(samples) % STEP_SAMPLES
        self._rest = samples[whole:]
        self._powers.append(np.square(samples[:whole].reshape(-1, STEP_SAMPLES), dtype=np.float64).mean(axis=1))

    def powers(self) -> NDArray[np.float64]:
        """The mean square of each 100 ms."""
        return np.concatenate([*self._powers, np.empty(0)])


def loudness_dbfs(powers: NDArray[np.float64]) -> float | None:
    """The gated loudness of so many tenths of a second; None where nothing is above the absolute gate."""
    if len(powers) < STEPS_A_BLOCK:
        powers = np.full(STEPS_A_BLOCK, powers.mean() if len(powers) else 0.0)
    blocks = sliding_window_view(powers, STEPS_A_BLOCK).mean(axis=1)
    loud = blocks[blocks > 10 ** (ABSOLUTE_GATE_DBFS / 10)]
    if not len(loud):
        return None
    return float(10 * np.log10(loud[loud >= loud.mean() * 10 ** (RELATIVE_GATE_DB / 10)].mean()))


def gain_for(dbfs: float | None) -> float:
    """What to multiply samples of that loudness by."""
    if dbfs is None:
        return 1.0
    return float(10 ** (min(MOST_GAIN_DB, max(-MOST_LOSS_DB, TARGET_DBFS - dbfs)) / 20))
