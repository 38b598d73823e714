"""Where in the database the traces of an interview or a person are, and how they are removed.

`SESSION_TRACES` and `PERSON_TRACES` are the whole truth of what is looked for. A test holds them against every
collection that an interview leaves behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.tombstones import Tombstone, sessions_of


@dataclass(frozen=True, slots=True)
class Trace:
    """Rows of a collection, found by the field that holds the id; `name` stands in receipts."""

    name: str
    collection: str
    field: str


SESSION_TRACES = (
    Trace("transcripts", "transcripts", "session_id"),
    Trace("current_transcripts", "current_transcripts", "session_id"),
    Trace("transcript_ratings", "transcript_ratings", "session_id"),
    Trace("transcript_errors", "transcript_errors", "session_id"),
    Trace("recordings", "fs.files", "metadata.session_id"),
    Trace("uploads", "uploads", "session_id"),
    Trace("kept_uploads", "kept_uploads", "session_id"),
    Trace("receipts", "receipts", "session_id"),
    Trace("idempotency_keys", "idempotency_keys", "session_id"),
    Trace("tickets", "tickets", "session_id"),
    Trace("webhook_deliveries", "webhook_deliveries", "session_id"),
    Trace("feedback_jobs", "feedback_jobs", "_id"),
    Trace("feedback_reports", "feedback_reports", "session_id"),
)
PERSON_TRACES = (
    Trace("access_tokens", "access_tokens", "user_id"),
    Trace("tickets", "tickets", "user_id"),
    Trace("idempotency_keys", "idempotency_keys", "user_id"),
    Trace("usage", "usage", "owner_id"),
    Trace("retention_rules", "retention_rules", "owner_id"),
    Trace("webhooks", "webhooks", "owner_id"),
    Trace("webhook_deliveries", "webhook_deliveries", "owner_id"),
)
# What holds nothing of an interview or a person, and why.
IMPERSONAL = {
    "signing_keys": "the keys that addresses are signed and secrets encrypted with",
    "counters": "how often and how long each kind of work was done",
    "feature_flags": "to what share of sessions each feature is rolled out",
    "workers": "which worker processes there are",
    "backfills": "how far rows of earlier versions have been brought up to date",
    "erasures": "the tombstones themselves: ids without anything said, gone after the last look",
}
# A chunk knows its file only.
CHUNKS = "chunks"
SESSIONS = "sessions"
# Rows of the audit log are not removed: the ids in them are replaced by hashes.
AUDIT_ROWS = "audit_rows"
# A transaction keeps in memory what it touches, and a recording may have 25 MB.
FILES_AT_ONCE = 4
# And it has to end within the time-out of one call, however many rows there are.
ROWS_AT_ONCE = 500


class TraceStore:
    """Removes what a tombstone stands for, and says what is still there."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = database

    @reaching_mongodb
    def remove(self, tombstone: Tombstone, trace: Trace) -> None:
        """Remove the rows of a trace, some at a time, each time with their count in the tombstone or not at all."""
        self._remove(tombstone, trace.name, trace.collection, {trace.field: tombstone.subject_id})

    @reaching_mongodb
    def remove_chunks(self, tombstone: Tombstone) -> None:
        for start in range(0, len(tombstone.file_ids), FILES_AT_ONCE):
            ids = list(tombstone.file_ids[start : start + FILES_AT_ONCE])
            self._remove(tombstone, CHUNKS, "fs.chunks", {"files_id": {"$in": ids}})

    @reaching_mongodb
    def hide_in_audit(self, tombstone: Tombstone, *, subject_hash: str, owner_hash: str) -> None:
        """Replace the ids in rows of the audit log; what a row told of answers goes, who acted for others stays."""
        hashed = {
            "session_id": {"$cond": [{"$eq": ["$session_id", None]}, None, {"$literal": subject_hash}]},
            "owner_id": {"$literal": owner_hash},
            "actor_id": {"$cond": [{"$eq": ["$actor_id", "$owner_id"]}, {"$literal": owner_hash}, "$actor_id"]},
            "details": {"$literal": {}},
        }

        def hide(which: Document, transaction: ClientSession) -> int:
            done = self._database["audit"].update_many(which, [{"$set": hashed}], session=transaction)
            return done.modified_count

        self._in_parts(tombstone, AUDIT_ROWS, "audit", _audit_rows_of(tombstone), hide)

    @reaching_mongodb
    def residue(self, tombstone: Tombstone, traces: Sequence[Trace]) -> dict[str, int]:
        """What is still there, by name; empty when nothing is."""
        queries: list[tuple[str, str, Document]] = [
            (trace.name, trace.collection, {trace.field: tombstone.subject_id}) for trace in traces
        ]
        queries += [
            (SESSIONS, "interview_sessions", sessions_of(tombstone)),
            (AUDIT_ROWS, "audit", _audit_rows_of(tombstone)),
        ]
        queries.append((CHUNKS, "fs.chunks", {"files_id": {"$in": list(tombstone.file_ids)}}))
        counts = {name: self._database[collection].count_documents(where) for name, collection, where in queries}
        return {name: count for name, count in counts.items() if count}

    def _remove(self, tombstone: Tombstone, name: str, collection: str, where: Document) -> None:
        def remove(which: Document, transaction: ClientSession) -> int:
            return self._database[collection].delete_many(which, session=transaction).deleted_count

        self._in_parts(tombstone, name, collection, where, remove)

    def _in_parts(
        self,
        tombstone: Tombstone,
        name: str,
        collection: str,
        where: Document,
        change: Callable[[Document, ClientSession], int],
    ) -> None:
        """Change what is found until nothing is; `change` says of how many rows it was true."""
        while ids := [each["_id"] for each in self._database[collection].find(where, {"_id": 1}).limit(ROWS_AT_ONCE)]:
            which = {**where, "_id": {"$in": ids}}

            def together(transaction: ClientSession, which: Document = which) -> None:
                self._count(tombstone, name, change(which, transaction), transaction)

            in_transaction(self._database.client, together)

    def _count(self, tombstone: Tombstone, name: str, count: int, transaction: ClientSession) -> None:
        if count:
            self._database["erasures"].update_one(
                {"_id": tombstone.id}, {"$inc": {f"removed.{name}": count}}, session=transaction
            )


def _audit_rows_of(tombstone: Tombstone) -> Document:
    if tombstone.kind == "session":
        return {"session_id": tombstone.subject_id}
    return {"owner_id": tombstone.subject_id, "at": {"$lte": tombstone.begun_at}}
