"""What owners use: answers that wait for their transcripts, and what came in and was transcribed on a day (UTC)."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.write_concern import WriteConcern

from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.open_answers import EPOCH

KEPT_DAYS = 40
WRITTEN_EACH_SECONDS = 1.0
MOST_DAYS = 4096


@dataclass(frozen=True, slots=True)
class DailyUsage:
    """Of one owner on one day."""

    bytes: int = 0
    audio_seconds: float = 0.0


class UsageStore:
    """The `usage` collection, one document per owner and day, and counts of open answers.

    It is counted apart from the answers: in their transaction, all uploads of an owner would wait for each other. What
    a process that dies has not written is a second's recordings more for their owners.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._usage = database["usage"].with_options(write_concern=WriteConcern(w=1))
        self._sessions = database["interview_sessions"]
        self._unwritten = UnwrittenBytes()

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
        unwritten_bytes = self._unwritten.of(_id(owner_id, day)).bytes
        return DailyUsage(found.get("bytes", 0) + unwritten_bytes, found.get("audio_seconds", 0.0))

    @reaching_mongodb
    def count_bytes(self, owner_id: str, length_bytes: int) -> None:
        """A recording that was taken in. After an owner's first of a day, what came in is written once a second."""
        now = datetime.now(UTC)
        if self._unwritten.add(_id(owner_id, now), length_bytes):
            self._count(owner_id, now, bytes=length_bytes, recordings=1)
        for day_id, unwritten in self._unwritten.take_if_time():
            amounts = {"bytes": unwritten.bytes, "recordings": unwritten.recordings}
            # Never made anew: it is gone where the owner has been erased since.
            if not self._usage.update_one({"_id": day_id}, {"$inc": amounts}).matched_count:
                self._unwritten.forget(day_id)

    @reaching_mongodb
    def count_audio(self, session_id: str, seconds: float) -> None:
        """Audio that was transcribed; it counts for the owner of the session."""
        session = self._sessions.find_one({"_id": session_id}, {"owner_id": 1})
        if session is not None:
            self._count(session["owner_id"], datetime.now(UTC), audio_seconds=seconds)

    def _count(self, owner_id: str, now: datetime, **amounts: Any) -> None:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        start = {"owner_id": owner_id, "day": day, "expires_at": day + timedelta(days=KEPT_DAYS)}
        self._usage.update_one({"_id": _id(owner_id, day)}, {"$inc": amounts, "$setOnInsert": start}, upsert=True)


@dataclass(slots=True)
class Unwritten:
    """Of one owner and day, since the last write."""

    bytes: int = 0
    recordings: int = 0


class UnwrittenBytes:
    """What this process has taken in and not written yet, by the ids of days."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._days: OrderedDict[str, Unwritten] = OrderedDict()
        self._taken_at = time.monotonic()

    def add(self, day_id: str, length_bytes: int) -> bool:
        """Whether nothing was known of this day, and nothing is now: whoever asks has to write it."""
        with self._lock:
            unwritten = self._days.get(day_id)
            if unwritten is None:
                self._days[day_id] = Unwritten()
                return True
            unwritten.bytes += length_bytes
            unwritten.recordings += 1
            return False

    def of(self, day_id: str) -> Unwritten:
        with self._lock:
            return self._days.get(day_id, Unwritten())

    def take_if_time(self) -> list[tuple[str, Unwritten]]:
        """Everything that is to be written now; mostly nothing."""
        with self._lock:
            if time.monotonic() < self._taken_at + WRITTEN_EACH_SECONDS:
                return []
            self._taken_at = time.monotonic()
            taken = [(day_id, unwritten) for day_id, unwritten in self._days.items() if unwritten.recordings]
            self._days.update((day_id, Unwritten()) for day_id, _ in taken)
            while len(self._days) > MOST_DAYS and not next(iter(self._days.values())).recordings:
                self._days.popitem(last=False)
            return taken

    def forget(self, day_id: str) -> None:
        with self._lock:
            self._days.pop(day_id, None)


def _id(owner_id: str, day: datetime) -> str:
    return f"{day:%Y-%m-%d} {owner_id}"
