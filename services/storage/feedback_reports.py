"""Reports of interviews, each kept as it was made: the `feedback_reports` collection, written by feedback_jobs.py."""

from collections.abc import Mapping, Sequence
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb


class FeedbackReportStore:
    """Reads reports."""

    def __init__(self, database: MongoDatabase) -> None:
        self._reports = database["feedback_reports"]

    @reaching_mongodb
    def newest(self, session_id: str) -> Mapping[str, Any] | None:
        return self._reports.find_one({"session_id": session_id}, sort=[("number", -1)])

    @reaching_mongodb
    def find(self, session_id: str, number: int) -> Mapping[str, Any] | None:
        return self._reports.find_one({"session_id": session_id, "number": number})

    @reaching_mongodb
    def list_of(self, session_id: str, *, before: int | None, limit: int) -> Sequence[Mapping[str, Any]]:
        """Without what they say of each answer, newest first, from before a number."""
        where: Document = {"session_id": session_id, **({} if before is None else {"number": {"$lt": before}})}
        return list(self._reports.find(where, {"answers": 0}).sort("number", -1).limit(limit))

    @reaching_mongodb
    def all_of(self, session_id: str) -> Sequence[Mapping[str, Any]]:
        """Whole, for an export, oldest first."""
        return list(self._reports.find({"session_id": session_id}, {"_id": 0}).sort("number", 1))
