"""What owners use: answers that wait for their transcripts, and what came in and was transcribed on a day (UTC)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.write_concern import WriteConcern

from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.open_answers import EPOCH

KEPT_DAYS = 40


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Of one owner on one day."""

    bytes: int = 0
    audio_seconds: float = 0.0


class UsageStore:
    """The `usage` collection, one document per owner and day, and counts of open answers.

    It is counted apart from the answers: in their transaction, all uploads of an owner would wait for each other. What
    a process that dies in between has not counted is a recording more for its owner.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._usage = database["usage"].with_options(write_concern=WriteConcern(w=1))
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def open_answers(self, owner_id: str | None = None) -> int:
        """How many answers wait or are worked on, of everybody or of one owner."""
        where: Document = {"open.due": {"$gt": EPOCH}}
        if owner_id is not None:
            where["owner_id"] = owner_id
        total = {"$group": {"_id": None, "answers": {"$sum": {"$size": "$open"}}}}
        found = list(self._sessions.aggregate([{"$match": where}, total]))
        return int(found[0]["answers"]) if found else 0

    @reaching_mongodb
    def of_day(self, owner_id: str, day: datetime) -> DailyUsage:
        found = self._usage.find_one({"_id": _id(owner_id, day)}) or {}
        return DailyUsage(found.get("bytes", 0), found.get("audio_seconds", 0.0))

    @reaching_mongodb
    def count_bytes(self, owner_id: str, length_bytes: int) -> None:
        """Recordings that were taken in."""
        self._count(owner_id, bytes=length_bytes, recordings=1)

    @reaching_mongodb
    def count_audio(self, session_id: str, seconds: float) -> None:
        """Audio that was transcribed; it counts for the owner of the session."""
        session = self._sessions.find_one({"_id": session_id}, {"owner_id": 1})
        if session is not None:
            self._count(session["owner_id"], audio_seconds=seconds)

    def _count(self, owner_id: str, **amounts: Any) -> None:
        day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        start = {"owner_id": owner_id, "day": day, "expires_at": day + timedelta(days=KEPT_DAYS)}
        self._usage.update_one({"_id": _id(owner_id, day)}, {"$inc": amounts, "$setOnInsert": start}, upsert=True)


def _id(owner_id: str, day: datetime) -> str:
    return f"{day:%Y-%m-%d} {owner_id}"
