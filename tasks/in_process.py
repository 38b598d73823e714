"""The worker inside the one web process, when there is no Redis."""

import threading
from collections.abc import Sequence

import structlog
from dramatiq import Worker

from services.audio import decode
from services.errors import ParleyError, Unavailable
from services.recovery import Recovery
from services.resending import Resending
from tasks.bootstrap import Process
from tasks.queue import TRANSCRIPTION_QUEUE
from tasks.side_workers import SideWorkers
from tasks.upkeep import Upkeep

log = structlog.get_logger()

# Together with the closing of sockets this stays below the 10 s that stopping may take.
STOP_TIMEOUT_MS = 4_000
SIDE_STOP_TIMEOUT_MS = 2_000


class InProcessWorker:
    """Loads the model in the background (uploads are taken meanwhile), then works."""

    def __init__(self, process: Process) -> None:
        self._services = process.services
        # Named by its holder, not its process: after a kill, the new one takes the place of the old one's "ready".
        self._upkeep = Upkeep(
            process.services,
            worker_id=process.settings.holder,
            interval_seconds=process.settings.sweep_interval_seconds,
        )
        self._worker = Worker(
            process.broker, queues={TRANSCRIPTION_QUEUE}, worker_threads=process.settings.worker_threads
        )
        self._side = SideWorkers(process.broker)
        self._lock = threading.Lock()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._start, name="model-loader", daemon=True)

    def start(self) -> None:
        self._upkeep.start()
        self._recover(self._services.resending)
        self._side.start()
        self._thread.start()

    def stop(self) -> None:
        """Interrupt what runs and give it back."""
        with self._lock:
            is_working = self._worker.workers and not self._is_stopped
            self._is_stopped = True
        stopping = self._side.stop(SIDE_STOP_TIMEOUT_MS)
        if is_working:
            self._worker.stop(timeout=STOP_TIMEOUT_MS)
        self._upkeep.stop()
        stopping.join()

    def _start(self) -> None:
        decode.prepare()
        try:
            self._services.transcriber.load()
        except ParleyError as error:
            log.error("The speech model could not be loaded; no answer is transcribed.", reason=error.message)
            return
        finally:
            self._upkeep.beat()
        self._recover((self._services.recovery,))
        with self._lock:
            if not self._is_stopped:
                self._worker.start()

    def _recover(self, recoveries: Sequence[Recovery | Resending]) -> None:
        """Before their worker starts: from then on, what this holder holds is not from before."""
        for recovery in recoveries:
            try:
                recovery.recover_own()
            except Unavailable as error:
                log.warning("Work from before the restart is left to the sweep.", reason=error.message)
