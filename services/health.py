"""Whether this installation can do its job, and what it hears with."""

from dataclasses import dataclass
from typing import Protocol

from services.errors import Unavailable
from services.storage.client import MongoDatabase, ping
from services.storage.workers import WorkerState, WorkerStore

NO_WORKER = WorkerState("missing", "no worker is running; answers are kept until one does", None, False)


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a probe wants to know. `worker` is the best of the workers that were heard of lately."""

    mongodb: str
    worker: WorkerState

    @property
    def status(self) -> str:
        if self.mongodb != "ok" or self.worker.state == "failed":
            return "failed"
        return "ready" if self.worker.state == "ready" else "starting"


class SpeechState(Protocol):
    """Whoever knows how far the models of this process are."""

    @property
    def state(self) -> WorkerState: ...


class Health:
    """Answers probes, and tells the others that this worker is alive."""

    def __init__(self, database: MongoDatabase, workers: WorkerStore, models: SpeechState) -> None:
        self._database = database
        self._workers = workers
        self._models = models

    def readiness(self) -> Readiness:
        """Ask the database, and through it the workers."""
        try:
            ping(self._database)
            return Readiness("ok", self.worker())
        except Unavailable as error:
            return Readiness(error.message, NO_WORKER)

    def worker(self) -> WorkerState:
        """The worker that clients are told of: a ready one if there is any."""
        alive = self._workers.alive()
        return alive[0] if alive else NO_WORKER

    def beat(self, worker_id: str) -> None:
        """Say that this process is alive and how far its model is."""
        self._workers.beat(worker_id, self._models.state)

    def leave(self, worker_id: str) -> None:
        """Say that this process ends."""
        self._workers.forget(worker_id)
