"""When an interview was submitted: a time in its session, written once."""

from datetime import datetime
from typing import Any

from pymongo import ReturnDocument

from services.storage.client import MongoDatabase, reaching_mongodb
from services.storage.expressions import NOW, increased


class SubmissionStore:
    """Submits sessions. With the time `seq` is raised, so that whoever listens hears of it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def submit(self, session_id: str) -> datetime | None:
        """When it was submitted: now, or at an earlier call; None where there is no such session any more."""
        change: list[dict[str, Any]] = [
            {"$set": {"submitted_at": NOW.value, "updated_at": NOW.value, "seq": increased("seq").value}}
        ]
        found = self._sessions.find_one_and_update(
            {"_id": session_id, "submitted_at": None},
            change,
            {"submitted_at": 1},
            return_document=ReturnDocument.AFTER,
        ) or self._sessions.find_one({"_id": session_id}, {"submitted_at": 1})
        submitted_at: datetime | None = found["submitted_at"] if found else None
        return submitted_at
