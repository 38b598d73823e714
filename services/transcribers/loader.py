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
        self._state = WorkerState("loading", "not loaded yet", None, False)

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
        except Exception as error:
            # Whatever it is, a probe must hear of it: a worker that is for ever "loading" is found by nobody.
            message = f"The speech model could not be loaded ({type(error).__name__}; the log says more)."
            self._state = WorkerState("failed", message, None, False)
            log.exception("The speech model could not be loaded.")
            raise TranscriberUnavailable(message) from error
        model = transcriber.model
        self._state = WorkerState("ready", "", model.name, model.demo_model)
        return transcriber
