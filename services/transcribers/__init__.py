"""Speech to text. A transcriber plans how a recording is heard, then hears it window by window; which one runs is
decided at start.
"""

from collections.abc import Callable, MutableMapping
from typing import Protocol

from services.audio.sound import Sound
from services.audio.windows import Window
from services.models import HeardWindow, Hints, Plan, WhisperModel


class Transcriber(Protocol):
    """Hears 16 kHz mono float32 samples in [-1, 1]; several threads may use one."""

    @property
    def model(self) -> WhisperModel: ...

    def plan(self, sound: Sound, on_wait: Callable[[], None], timing: MutableMapping[str, float]) -> Plan:
        """Go once through a recording of any length, and say which windows of it are to be heard.

        `on_wait` is called every few seconds, and what it raises ends the work. The seconds that each stage took are
        added to `timing`. Raises `RecordingRejected` and `TranscriptionFailed` as decoding does.
        """
        ...

    def hear(self, window: Window, hints: Hints, pulse: Callable[[], None]) -> HeardWindow:
        """Hear one window, the same each time.

        `pulse` is called at least every `PULSE_SECONDS`, and what it raises ends the work, so that a lost lease or a
        cancelled answer stops it soon. Without a language in the hints it is detected.
        """
        ...
