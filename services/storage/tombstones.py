"""Tombstones: what stands in the place of an erased interview or person until nothing of it is left anywhere.

The transaction that puts one up takes the session away, and so fences everybody: from then on no reader finds the
session and no writer matches it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo.client_session import ClientSession

from services.storage.audit import AuditRow, as_document
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.retention_rules import unchanged


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a session or a person until nothing is: enough to find what comes late."""

    id: str
    kind: str
    subject_id: str
    owner_id: str
    salt: str
    file_ids: tuple[ObjectId, ...]
    removed: Mapping[str, int]
    looks: int
    begun_at: datetime


class TombstoneStore:
    """The `erasures` collection."""

    def __init__(self, database: MongoDatabase) -> None:
        self._erasures = database["erasures"]
        self._sessions = database["interview_sessions"]
        self._files = database["fs.files"]
        self._uploads = database["uploads"]
        self._audit = database["audit"]
        self._client = database.client

    @reaching_mongodb
    def begin(
        self, session_id: str, *, salt: str, row: AuditRow, seconds: float, unchanged_since: datetime | None = None
    ) -> Tombstone | None:
        """Put a tombstone in the place of a session; None when there is none (any more), or it has changed since then.

        From this one transaction on, no reader finds the session and no writer matches it.
        """
        which = {"_id": session_id, **({} if unchanged_since is None else unchanged(unchanged_since))}

        def together(transaction: ClientSession) -> Document | None:
            session = self._sessions.find_one_and_delete(which, session=transaction)
            if session is None:
                return None
            answers = session.get("answers", {}).values()
            tombstone = _tombstone("session", session_id, session["owner_id"], salt, seconds)
            tombstone["file_ids"] = [ObjectId(each["gridfs_file_id"]) for each in answers if each.get("gridfs_file_id")]
            tombstone["removed"] = {"sessions": 1}
            self._erasures.insert_one(tombstone, session=transaction)
            self._audit.insert_one(as_document(row), session=transaction)
            return tombstone

        begun = in_transaction(self._client, together)
        return None if begun is None else _as_tombstone(begun)

    @reaching_mongodb
    def begin_person(self, user_id: str, *, salt: str, row: AuditRow, seconds: float) -> Tombstone:
        """Put up a tombstone for a person; again while one stands is the same one."""

        def together(transaction: ClientSession) -> Document:
            there = self._erasures.find_one({"_id": f"person:{user_id}"}, session=transaction)
            if there is not None:
                return there
            tombstone = _tombstone("person", user_id, user_id, salt, seconds)
            self._erasures.insert_one(tombstone, session=transaction)
            self._audit.insert_one(as_document(row), session=transaction)
            return tombstone

        return _as_tombstone(in_transaction(self._client, together))

    @reaching_mongodb
    def sessions_of(self, tombstone: Tombstone, *, limit: int) -> Sequence[str]:
        """The ids of a person's sessions from before their erasure; whoever comes back begins anew."""
        return [each["_id"] for each in self._sessions.find(sessions_of(tombstone), {"_id": 1}).limit(limit)]

    @reaching_mongodb
    def note_files(self, tombstone: Tombstone) -> Tombstone:
        """Keep the ids of every file of the session before anything is removed: only they lead to its chunks."""
        if tombstone.kind == "person":
            return tombstone
        where = {"metadata.session_id": tombstone.subject_id}
        found = {each["_id"] for each in self._files.find(where, {"_id": 1})}
        uploads = self._uploads.find({"session_id": tombstone.subject_id}, {"_id": 1})
        found |= {each["_id"] for each in uploads}
        self._erasures.update_one({"_id": tombstone.id}, {"$addToSet": {"file_ids": {"$each": list(found)}}})
        return self._find(tombstone)

    @reaching_mongodb
    def counted(self, tombstone: Tombstone) -> Mapping[str, int]:
        """What was removed so far, by name."""
        return self._find(tombstone).removed

    @reaching_mongodb
    def add(self, tombstone: Tombstone, removed: Mapping[str, int]) -> None:
        """Count for a person what was removed with one of their sessions."""
        if removed:
            more = {f"removed.{name}": count for name, count in removed.items()}
            self._erasures.update_one({"_id": tombstone.id}, {"$inc": more})

    @reaching_mongodb
    def look_again(self, tombstone: Tombstone, *, seconds: float, looks: int) -> None:
        """Nothing was found just now; look once more in a while, for what comes late."""
        due = datetime.now(UTC) + timedelta(seconds=seconds)
        self._erasures.update_one({"_id": tombstone.id}, {"$set": {"due": due, "looks": looks}})

    @reaching_mongodb
    def end(self, tombstone: Tombstone) -> None:
        """Take the tombstone away: from now on nothing in the database knows the id."""
        self._erasures.delete_one({"_id": tombstone.id})

    @reaching_mongodb
    def take_due(self, *, seconds: float) -> Tombstone | None:
        """A tombstone that somebody has to look after, for the one who asks; put off for everybody else."""
        now = datetime.now(UTC)
        found = self._erasures.find_one_and_update(
            {"due": {"$lte": now}}, {"$set": {"due": now + timedelta(seconds=seconds)}}, sort=[("due", 1)]
        )
        return None if found is None else _as_tombstone(found)

    def _find(self, tombstone: Tombstone) -> Tombstone:
        found = self._erasures.find_one({"_id": tombstone.id})
        return tombstone if found is None else _as_tombstone(found)


def _tombstone(kind: str, subject_id: str, owner_id: str, salt: str, seconds: float) -> Document:
    now = datetime.now(UTC)
    return {
        "_id": f"{kind}:{subject_id}",
        "kind": kind,
        "subject_id": subject_id,
        "owner_id": owner_id,
        "salt": salt,
        "file_ids": [],
        "removed": {},
        "looks": 0,
        "begun_at": now,
        "due": now + timedelta(seconds=seconds),
    }


def _as_tombstone(found: Document) -> Tombstone:
    fields = {name: found[name] for name in ("kind", "subject_id", "owner_id", "salt", "looks", "begun_at")}
    return Tombstone(id=found["_id"], file_ids=tuple(found["file_ids"]), removed=dict(found["removed"]), **fields)


def sessions_of(tombstone: Tombstone) -> Document:
    if tombstone.kind == "session":
        return {"_id": tombstone.subject_id}
    return {"owner_id": tombstone.subject_id, "created_at": {"$lte": tombstone.begun_at}}
