"""Loads the transcriber once per process and tells how far that is."""

from collections.abc import Callable
from threading import Lock

import structlog

from services.errors import TranscriberUnavailable
from services.storage.workers import WorkerState
from services.transcribers import Transcriber

log = structlog.get_logger()


class TranscriberLoader:
    """Holds the one transcriber of a process; `load` is called where jobs run, never where only requests are served."""

    def __init__(self, build: Callable[[], Transcriber]) -> None:
        self._build = build
        self._lock = Lock()
        self._transcriber: Transcriber | None = None
        self._state = WorkerState("loading", "loading the speech model", None, False)

    @property
    def state(self) -> WorkerState:
        return self._state

    def load(self) -> Transcriber:
        """Load it, or return the one that is loaded; raises `TranscriberUnavailable` with what to do about it."""
        with self._lock:
            if self._transcriber is None:
                self._transcriber = self._load()
            return self._transcriber

    def _load(self) -> Transcriber:
        try:
            transcriber = self._build()
        except TranscriberUnavailable as error:
            self._state = WorkerState("failed", error.message, None, False)
            raise
        model = transcriber.model
        self._state = WorkerState("ready", "", model.name, model.demo_model)
        return transcriber
