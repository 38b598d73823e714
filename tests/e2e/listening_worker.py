"""A worker's process for one answer that writes down what it hears: `python -m tests.e2e.listening_worker`.

Arguments: the database's address and name, the ids of session and answer, the file to write to, and perhaps the number
of a window: in that one it has done its work, says so on its standard output, and waits to be killed.
"""

import os
import signal
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path

from services.audio.sound import Sound
from services.audio.windows import Window
from services.container import build_services
from services.models import AnswerRef, HeardWindow, Hints, Plan, WhisperModel
from services.storage.client import connect
from services.transcribers import Transcriber
from services.transcribers.loading import load_whisper
from services.transcribers.model_choice import choose_model
from tests.factories import settings_with
from tests.fakes import RememberingQueue


class Recorder:
    """Hears as another transcriber does, and writes down where each window begins that it is asked for."""

    def __init__(self, heard_by: Transcriber, file: Path, stops_at: int | None) -> None:
        self._heard_by = heard_by
        self._file = file
        self._left = stops_at

    @property
    def model(self) -> WhisperModel:
        return self._heard_by.model

    def plan(self, sound: Sound, on_wait: Callable[[], None], timing: MutableMapping[str, float]) -> Plan:
        self._note("plan")
        return self._heard_by.plan(sound, on_wait, timing)

    def hear(self, window: Window, hints: Hints, pulse: Callable[[], None]) -> HeardWindow:
        self._note(f"{window.start_seconds:.3f}")
        heard = self._heard_by.hear(window, hints, pulse)
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                print("now", flush=True)
                signal.pause()
        return heard

    def _note(self, line: str) -> None:
        with self._file.open("a") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())


def main(uri: str, name: str, session_id: str, answer_id: str, file: str, stops_at: str | None = None) -> None:
    def build() -> Recorder:
        whisper = load_whisper(choose_model("demo", None, "cpu"), threads=1)
        return Recorder(whisper, Path(file), int(stops_at) if stops_at else None)

    services = build_services(settings_with(), connect(uri, name), RememberingQueue(), build)
    services.transcription.transcribe(AnswerRef(session_id, "q1", answer_id))


if __name__ == "__main__":
    main(*sys.argv[1:])
