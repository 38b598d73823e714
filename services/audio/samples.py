"""Sound as everything here takes it."""

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000

# Mono, in [-1, 1].
Samples = NDArray[np.float32]
