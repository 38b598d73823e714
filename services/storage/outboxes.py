"""From the outbox of a session to deliveries: one transaction takes entries out and puts deliveries in.

So wherever a process dies, an event is still in the outbox or on its way, and never both or neither.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, fields, seconds_from_now
from services.storage.leased_documents import EPOCH, queued
from services.storage.webhooks import Webhook, enabled_of

# One transaction has to end within the time-out of one call.
ENTRIES_AT_ONCE = 50
# Who made the change dispatches it within moments; the sweep is for what was left.
LEFT_AFTER_SECONDS = 5.0
SESSIONS_AT_ONCE = 500
KEPT_DAYS = 30


class OutboxStore:
    """Takes events out of sessions."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._webhooks = database["webhooks"]
        self._deliveries = database["webhook_deliveries"]
        self._client = database.client

    @reaching_mongodb
    def dispatch(self, session_id: str) -> tuple[Sequence[str], bool]:
        """Make deliveries of some events of a session; their ids, and whether there are more events.

        Where nobody listens any more, the events go and the session keeps none from now on.
        """

        def together(transaction: ClientSession) -> tuple[Sequence[str], bool]:
            session = self._sessions.find_one({"_id": session_id}, _ASKED, session=transaction)
            told = (session or {}).get("outbox", [])
            entries = told[:ENTRIES_AT_ONCE]
            if session is None or not entries:
                return (), False
            listening = enabled_of(self._webhooks, session["owner_id"], transaction)
            deliveries = [
                delivery_of(entry, webhook)
                for entry in entries
                for webhook in listening
                if webhook.hears_of(entry["type"])
            ]
            insert_deliveries(self._deliveries, deliveries, transaction)
            taken = {"$pull": {"outbox": {"id": {"$in": [entry["id"] for entry in entries]}}}}
            # Written on what was read, or not at all: who begins to listen in this moment writes to the session, too.
            change = taken if listening else {"$unset": {"outbox": "", "notifies": ""}}
            self._sessions.update_one({"_id": session_id}, change, session=transaction)
            return [each["_id"] for each in deliveries], bool(listening) and len(told) > len(entries)

        return in_transaction(self._client, together)

    @reaching_mongodb
    def has_events(self, session_id: str) -> bool:
        return self._sessions.find_one({"_id": session_id, "outbox.at": {"$gt": EPOCH}}, {"_id": 1}) is not None

    @reaching_mongodb
    def left(self) -> Sequence[str]:
        """Sessions with events that nobody has dispatched for a while, the longest first."""
        before = datetime.now(UTC) - timedelta(seconds=LEFT_AFTER_SECONDS)
        found = self._sessions.find({"outbox.at": {"$gt": EPOCH, "$lt": before}}, {"_id": 1})
        return [each["_id"] for each in found.sort("outbox.at", 1).limit(SESSIONS_AT_ONCE)]


_ASKED = {"owner_id": 1, "outbox": 1}


def delivery_of(entry: Document, webhook: Webhook) -> Document:
    """What is to be delivered: the event as it was, to whom, and whose session it is of."""
    return {
        "_id": f"{entry['id']}.{webhook.id}",
        "event_id": entry["id"],
        "webhook_id": webhook.id,
        "owner_id": webhook.owner_id,
        "session_id": entry["data"].get("session_id"),
        "type": entry["type"],
        "event_at": entry["at"],
        "data": entry["data"],
        "created_at": NOW,
        "expires_at": seconds_from_now(KEPT_DAYS * 24 * 60 * 60),
        **queued(),
    }


def insert_deliveries(
    collection: Collection[Document], deliveries: Iterable[Document], transaction: ClientSession | None
) -> None:
    """Each once: what is there already stays as it is."""
    is_new = {"$eq": [{"$type": "$event_id"}, "missing"]}
    writes = [
        UpdateOne(
            {"_id": each["_id"]},
            [{"$replaceWith": {"$cond": [is_new, fields(each), "$$ROOT"]}}],
            upsert=True,
        )
        for each in deliveries
    ]
    if writes:
        collection.bulk_write(writes, session=transaction)
