"""Which sessions keep events at all: their `notifies`.

A session is born with `notifies: "new"` and loses it when a dispatcher finds that nobody listens to its owner's
(outboxes.py). When somebody begins to, every session of that owner gets a mark that none had before. So a dispatcher
that looked before then cannot take it away: it writes on what it has read, or not at all. And a session that starts in
that moment needs no look at who listens, it is born right.
"""

from collections.abc import Sequence
from secrets import token_hex
from time import monotonic

from services.storage.client import Document, MongoDatabase, reaching_mongodb

# One round: found by an index, and written by one command within the time-out of a call.
SESSIONS_AT_ONCE = 1_000


def fresh_mark() -> Document:
    """What an endpoint that begins to listen has as `spreading`, until all sessions have the mark."""
    return {"mark": token_hex(8), "before": None}


class MarkStore:
    """Spreads marks, some sessions at a time; a process that dies in between is followed by the sweep."""

    def __init__(self, database: MongoDatabase) -> None:
        self._webhooks = database["webhooks"]
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def spreading(self) -> Sequence[str]:
        """Endpoints whose mark has not reached all sessions yet."""
        return [each["_id"] for each in self._webhooks.find({"spreading.mark": {"$gt": ""}}, {"_id": 1})]

    def spread_for(self, webhook_id: str, *, seconds: float) -> None:
        """Mark as many as that takes; raises `Unavailable`."""
        ends_at = monotonic() + seconds
        while self.spread(webhook_id) and monotonic() < ends_at:
            continue

    @reaching_mongodb
    def spread(self, webhook_id: str) -> bool:
        """Mark the next sessions of its owner, newest first; whether there are more. Newer ones are born marked."""
        found = self._webhooks.find_one({"_id": webhook_id, "spreading.mark": {"$gt": ""}})
        if found is None:
            return False
        spreading = found["spreading"]
        page = self._next(found["owner_id"], spreading["before"])
        marked = {"$set": {"notifies": spreading["mark"]}}
        self._sessions.update_many({"_id": {"$in": [each["_id"] for each in page]}}, marked)
        is_done = len(page) < SESSIONS_AT_ONCE
        last = [] if is_done else [page[-1]["created_at"], page[-1]["_id"]]
        moved = {"$unset": {"spreading": ""}} if is_done else {"$set": {"spreading.before": last}}
        # Switched on again in the meantime, it begins anew with another mark.
        self._webhooks.update_one({"_id": webhook_id, "spreading.mark": spreading["mark"]}, moved)
        return not is_done

    def _next(self, owner_id: str, before: Sequence[object] | None) -> list[Document]:
        where: Document = {"owner_id": owner_id}
        if before is not None:
            created_at, session_id = before
            older = {"created_at": created_at, "_id": {"$lt": session_id}}
            where["$or"] = [{"created_at": {"$lt": created_at}}, older]
        newest = [("created_at", -1), ("_id", -1)]
        return list(self._sessions.find(where, {"created_at": 1}).sort(newest).limit(SESSIONS_AT_ONCE))
