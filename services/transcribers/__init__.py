"""Speech to text. A transcriber turns samples into a `Transcript`; which one runs is decided at start."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from services.models import Transcript, WhisperModel

SAMPLE_RATE_HZ = 16_000
# Long work on an answer shows a sign of life this often; a lease is never shorter than three of these.
PULSE_SECONDS = 3.0

Samples = NDArray[np.float32]
OnWindow = Callable[[int, int], None]


class Transcriber(Protocol):
    """Hears 16 kHz mono float32 samples in [-1, 1] of any length."""

    @property
    def model(self) -> WhisperModel: ...

    def transcribe(self, samples: Samples, *, language: str | None, on_window: OnWindow) -> Transcript:
        """Transcribe the whole recording.

        `on_window(done, total)` is called before the first window and after each one, and again with the same numbers
        while one takes long; what it raises ends the work, so that a lost lease or a cancelled answer stops it soon.
        `language` is an ISO 639-1 code, or None to detect it.
        """
        ...
