"""What every worker process does beside its jobs: say that it is alive, watch over them, send again what was lost."""

import threading
from collections.abc import Callable

import structlog

from services.container import Services
from services.errors import Unavailable
from services.sweeping import OF_WORKERS, sweeps

log = structlog.get_logger()


class Upkeep:
    """A thread that beats and sweeps at an interval until stopped."""

    def __init__(self, services: Services, *, worker_id: str, interval_seconds: float) -> None:
        self._services = services
        self._worker_id = worker_id
        self._interval_seconds = interval_seconds
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upkeep", daemon=True)

    def start(self) -> None:
        self.beat()
        self._services.watchdog.start()
        self._thread.start()

    def stop(self) -> None:
        self._is_stopped.set()
        self._services.watchdog.stop()
        self._thread.join(timeout=2)
        try:
            self._services.health.leave(self._worker_id)
        except Unavailable:
            return

    def beat(self) -> None:
        """Also called when the model has been loaded, so that nobody waits for the next beat to hear of it."""
        try:
            self._services.health.beat(self._worker_id)
        except Unavailable as error:
            log.warning("A sign of life could not be given.", error=error.message)

    def _run(self) -> None:
        while True:
            self._sweep()
            if self._is_stopped.wait(self._interval_seconds):
                return
            self.beat()

    def _sweep(self) -> None:
        for name, sweep in sweeps(self._services).items():
            if name not in OF_WORKERS or self._services.transcriber.state.state == "ready":
                self._try(sweep)

    def _try(self, sweep: Callable[[], int]) -> None:
        try:
            sweep()
        except Unavailable as error:
            log.warning("A sweep was put off.", error=error.message)
        except Exception:
            # Whatever it was, the next sweep must come: it is what brings lost answers back.
            log.exception("A sweep failed.")
