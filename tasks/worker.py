"""A worker process: `dramatiq tasks.worker:setup_broker`."""

import os
import socket
import sys
from typing import NoReturn

import dramatiq

from config import SettingsError, load_settings
from services.audio import decode
from services.errors import ParleyError
from services.log import configure_logging
from tasks.bootstrap import bootstrap
from tasks.side_workers import SideWorkers, Stopping
from tasks.upkeep import Upkeep

# The supervisor (scripts/supervisor.py) starts no worker again that would only say the same again. A database that is
# not there yet may be later.
EXIT_CONFIGURATION = 78  # EX_CONFIG of sysexits.h
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL


# Of the little that side workers have in hand once they have been interrupted.
SIDE_STOP_TIMEOUT_MS = 2_000


class BesideWorker(dramatiq.Middleware):
    """Starts and stops, with the worker, the upkeep and the side workers."""

    def __init__(self, upkeep: Upkeep, side: SideWorkers) -> None:
        self._upkeep = upkeep
        self._side = side
        self._stopping: Stopping | None = None

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if not self._side.owns(worker):
            self._upkeep.start()
            self._side.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if not self._side.owns(worker):
            self._stopping = self._side.stop(SIDE_STOP_TIMEOUT_MS)
            self._upkeep.stop()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if not self._side.owns(worker) and self._stopping is not None:
            self._stopping.join()


def setup_broker() -> None:
    """Called in each worker process, after the fork: a model that cannot be loaded ends the process."""
    try:
        settings = load_settings()
    except SettingsError as error:
        _end(error, EXIT_CONFIGURATION)
    configure_logging(settings.log_level, settings.log_format)
    if settings.redis_url is None:
        _end(
            "REDIS_URL: is not set. Without Redis the web process transcribes; no worker is needed.", EXIT_CONFIGURATION
        )
    try:
        process = bootstrap(settings)
    except ParleyError as error:
        _end(error, EXIT_TRY_AGAIN)
    worker_id = f"{socket.gethostname()}:{os.getpid()}"
    upkeep = Upkeep(process.services, worker_id=worker_id, interval_seconds=settings.sweep_interval_seconds)
    decode.prepare()
    try:
        process.services.transcriber.load()
    except ParleyError as error:
        upkeep.beat()  # so that /readyz can say why, too
        _end(error, EXIT_CONFIGURATION)
    process.broker.add_middleware(BesideWorker(upkeep, SideWorkers(process.broker)))
    dramatiq.set_broker(process.broker)


def _end(reason: object, code: int) -> NoReturn:
    print(f"The worker could not start.\n{reason}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
