"""Speech to text. A transcriber plans how a recording is heard, then hears it window by window; which one runs is
decided at start.
"""

from collections.abc import Callable, MutableMapping
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from services.models import HeardWindow, Hints, Plan, WhisperModel

if TYPE_CHECKING:  # both take their constants from here
    from services.audio.sound import Sound
    from services.audio.windows import Window

SAMPLE_RATE_HZ = 16_000
# Long work on an answer shows a sign of life this often; a lease is never shorter than three of these.
PULSE_SECONDS = 3.0

Samples = NDArray[np.float32]


class Transcriber(Protocol):
    """Hears 16 kHz mono float32 samples in [-1, 1]; several threads may use one."""

    @property
    def model(self) -> WhisperModel: ...

    def plan(self, sound: "Sound", on_wait: Callable[[], None], timing: MutableMapping[str, float]) -> Plan:
        """Go once through a recording of any length, and say which windows of it are to be heard.

        `on_wait` is called every few seconds, and what it raises ends the work. The seconds that each stage took are
        added to `timing`. Raises `RecordingRejected` and `TranscriptionFailed` as decoding does.
        """
        ...

    def hear(self, window: "Window", hints: Hints, pulse: Callable[[], None]) -> HeardWindow:
        """Hear one window, the same each time.

        `pulse` is called at least every `PULSE_SECONDS`, and what it raises ends the work, so that a lost lease or a
        cancelled answer stops it soon. Without a language in the hints it is detected.
        """
        ...
