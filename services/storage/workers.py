"""Which worker processes are there and what they hear with: how a web process knows without loading a model."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from services.storage.client import MongoDatabase, reaching_mongodb

# Three missed beats of the slowest allowed interval.
GONE_AFTER_SECONDS = 35


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker last said of itself. `state` is loading, ready or failed; `detail` says why, for people."""

    state: str
    detail: str
    whisper_model: str | None
    demo_model: bool


class WorkerStore:
    """The `workers` collection: one document a process, renewed at each beat, removed by a TTL index."""

    def __init__(self, database: MongoDatabase) -> None:
        self._workers = database["workers"]

    @reaching_mongodb
    def beat(self, worker_id: str, state: WorkerState) -> None:
        fields: Mapping[str, Any] = {
            "state": state.state,
            "detail": state.detail,
            "whisper_model": state.whisper_model,
            "demo_model": state.demo_model,
            "seen_at": datetime.now(UTC),
        }
        self._workers.update_one({"_id": worker_id}, {"$set": fields}, upsert=True)

    @reaching_mongodb
    def forget(self, worker_id: str) -> None:
        self._workers.delete_one({"_id": worker_id})

    @reaching_mongodb
    def alive(self) -> list[WorkerState]:
        """Every worker that was heard of lately, ready ones first."""
        since = datetime.now(UTC) - timedelta(seconds=GONE_AFTER_SECONDS)
        found = self._workers.find({"seen_at": {"$gt": since}}).sort("seen_at", -1)
        states = [
            WorkerState(each["state"], each["detail"], each["whisper_model"], each["demo_model"]) for each in found
        ]
        return sorted(states, key=lambda each: each.state != "ready")
