"""A worker process: `dramatiq tasks.worker:setup_broker`."""

import os
import socket
import sys

import dramatiq
import structlog

from config import SettingsError, load_settings
from services.errors import ParleyError
from services.log import configure_logging
from tasks.bootstrap import StartError, bootstrap
from tasks.upkeep import Upkeep

log = structlog.get_logger()


class UpkeepWithWorker(dramatiq.Middleware):
    """Starts and stops the upkeep with the worker."""

    def __init__(self, upkeep: Upkeep) -> None:
        self._upkeep = upkeep

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._upkeep.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._upkeep.stop()


def setup_broker() -> None:
    """Called in each worker process, after the fork: a model that cannot be loaded ends the process."""
    try:
        settings = load_settings()
        configure_logging(settings.log_level, settings.log_format)
        if settings.redis_url is None:
            raise StartError("REDIS_URL: is not set. Without Redis the web process transcribes; it needs no worker.")
        process = bootstrap(settings)
    except (SettingsError, ParleyError) as error:
        sys.exit(f"The worker could not start.\n{error}")
    worker_id = f"{socket.gethostname()}:{os.getpid()}"
    upkeep = Upkeep(process.services, worker_id=worker_id, interval_seconds=settings.sweep_interval_seconds)
    try:
        process.services.transcriber.load()
    except ParleyError as error:
        upkeep.beat()  # so that /readyz can say why, too
        sys.exit(f"The worker could not start.\n{error}")
    process.broker.add_middleware(UpkeepWithWorker(upkeep))
    dramatiq.set_broker(process.broker)
