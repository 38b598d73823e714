"""How much work there is: read by the indexes that the sweeps use."""

from dataclasses import dataclass
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.leased_documents import EPOCH


@dataclass(frozen=True, slots=True)
class Depth:
    """What waits, what is worked on, and for how long the oldest of it should have been looked after."""

    waiting: int
    working: int
    overdue_seconds: float


class QueueStore:
    """Reads only."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    @reaching_mongodb
    def depths(self) -> dict[str, Depth]:
        """By the name of what waits."""
        is_open = {"$match": {"open.due": {"$gt": EPOCH}}}
        is_due = {"$match": {"due": {"$gt": EPOCH}}}
        each_answer: list[Document] = [is_open, {"$project": {"open": 1}}, {"$unwind": "$open"}]
        return {
            "answers": self._depth("interview_sessions", [*each_answer, {"$replaceRoot": {"newRoot": "$open"}}]),
            "feedback": self._depth("feedback_jobs", [is_due]),
            "webhooks": self._depth("webhook_deliveries", [is_due]),
        }

    def _depth(self, collection: str, found: list[Document]) -> Depth:
        late = {"$divide": [{"$subtract": ["$$NOW", "$due"]}, 1000]}
        grouped: Document = {
            "_id": None,
            "all": {"$sum": 1},
            "working": {"$sum": {"$cond": [{"$gt": ["$holder", None]}, 1, 0]}},
            "overdue": {"$max": late},
        }
        groups: list[dict[str, Any]] = list(self._database[collection].aggregate([*found, {"$group": grouped}]))
        if not groups:
            return Depth(0, 0, 0.0)
        (group,) = groups
        return Depth(group["all"] - group["working"], group["working"], max(0.0, group["overdue"]))
