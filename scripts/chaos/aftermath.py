"""What is in the database when everything has calmed down, in the shape the accounting reads."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo.database import Database

Document = dict[str, Any]
Stored = Database[Document]


@dataclass(slots=True)
class Aftermath:
    """Every document that the product keeps of interviews, and what is unfinished."""

    sessions: dict[str, Document] = field(default_factory=dict)
    transcripts: list[Document] = field(default_factory=list)
    files: list[Document] = field(default_factory=list)
    chunk_owners: set[str] = field(default_factory=set)
    markers: int = 0
    receipts_by_session: dict[str, int] = field(default_factory=dict)


def read_aftermath(stored: Stored) -> Aftermath:
    """Everything at this moment."""
    receipts: dict[str, int] = {}
    for each in stored["receipts"].find({}, {"session_id": 1}):
        receipts[each["session_id"]] = receipts.get(each["session_id"], 0) + 1
    return Aftermath(
        sessions={each["_id"]: each for each in stored["interview_sessions"].find()},
        transcripts=list(stored["transcripts"].find()),
        files=list(stored["fs.files"].find()),
        chunk_owners={str(each) for each in stored["fs.chunks"].distinct("files_id")},
        markers=stored["uploads"].count_documents({}),
        receipts_by_session=receipts,
    )


def unfinished(stored: Stored) -> int:
    """How many answers still wait for their transcript."""
    found = list(stored["interview_sessions"].aggregate([{"$unwind": "$open"}, {"$count": "n"}]))
    return int(found[0]["n"]) if found else 0


def drained(stored: Stored, seconds: float, say: Callable[[int], None]) -> float | None:
    """The seconds until nothing waited any more; None where that did not come in time."""
    began = time.monotonic()
    while left := unfinished(stored):
        if time.monotonic() - began > seconds:
            return None
        say(left)
        time.sleep(0.5)
    return time.monotonic() - began


def age_leftovers(stored: Stored) -> None:
    """Let the time of every upload in flight be over, so that the next sweep collects what nobody ended."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    stored["uploads"].update_many({}, {"$set": {"expires_at": past}})


def swept(stored: Stored, seconds: float) -> bool:
    """Whether no upload and no recording to delete was left within the time."""
    deadline = time.monotonic() + seconds
    while stored["uploads"].count_documents({}) or stored["fs.files"].count_documents({"metadata.status": "deleting"}):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.3)
    return True
