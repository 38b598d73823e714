"""Events on their way to one endpoint each: the `webhook_deliveries` collection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.models import Status
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, fields, increased, seconds_from_now
from services.storage.leased_documents import LeasedDocuments, finished, queued
from services.storage.leases import Leased
from services.storage.outboxes import KEPT_DAYS, delivery_of, insert_deliveries
from services.storage.webhooks import Webhook

_WHOLE = Leased()
# What becomes of an attempt, besides its end.
_TOLD = ("response_status", "response_seconds", "last_error")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint. `id` is its document's, `event_id` the same for every endpoint and attempt."""

    id: str
    event_id: str
    type: str
    status: Status
    attempts: int
    replays: int
    event_at: datetime
    created_at: datetime
    attempted_at: datetime | None
    next_attempt_at: datetime | None
    ended_at: datetime | None
    response_status: int | None
    response_seconds: float | None
    error: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to: the status of the answer if there was one, or what went wrong, and the time it took."""

    status: int | None = None
    code: str | None = None
    message: str | None = None
    seconds: float | None = None

    def as_fields(self) -> dict[str, Any]:
        error = None if self.code is None else {"code": self.code, "message": self.message}
        return dict(zip(_TOLD, (self.status, self.seconds, error), strict=True))


class DeliveryStore:
    """Deliveries as work (`work`, the lease machine's part), what became of them, and lists for their owners."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self._deliveries = database["webhook_deliveries"]
        self.work = LeasedDocuments(self._deliveries, lease_seconds=lease_seconds)

    @reaching_mongodb
    def complete(self, id_: str, token: str, outcome: Outcome) -> None:
        """The endpoint has it."""
        self.work.write(id_, token, {**finished(Status.COMPLETED), **outcome.as_fields()})

    @reaching_mongodb
    def fail(self, id_: str, token: str, outcome: Outcome) -> None:
        """No further attempt is made."""
        self.work.write(id_, token, {**finished(Status.FAILED), **outcome.as_fields()})

    @reaching_mongodb
    def put_off(self, id_: str, token: str, outcome: Outcome, *, seconds: float) -> None:
        """Another attempt is made after so long."""
        due = seconds_from_now(seconds)
        released = _WHOLE.released(due, gives_attempt_back=False)
        self.work.write(id_, token, {**released, "due": due, "holder": REMOVE, **outcome.as_fields()})

    @reaching_mongodb
    def add(self, entry: Document, webhook: Webhook) -> str:
        """A delivery of an event that is of no session."""
        delivery = delivery_of({**entry, "at": NOW}, webhook)
        insert_deliveries(self._deliveries, [delivery], None)
        id_: str = delivery["_id"]
        return id_

    @reaching_mongodb
    def next_of(self, webhook_id: str) -> str | None:
        """Another one for the same endpoint that can be tried now."""
        now = datetime.now(UTC)
        ready: Document = {"$or": [{"not_before": None}, {"not_before": {"$lte": now}}]}
        found = self._deliveries.find_one({"webhook_id": webhook_id, "status": Status.QUEUED, **ready}, {"_id": 1})
        return None if found is None else str(found["_id"])

    @reaching_mongodb
    def list_of(
        self, webhook_id: str, *, status: Status | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[Delivery]:
        """Those of an endpoint, newest first, from after the (created_at, event id) last seen."""
        where: Document = {"webhook_id": webhook_id}
        if status is not None:
            where["status"] = status
        if before is not None:
            at, event_id = before
            where["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "event_id": {"$lt": event_id}}]
        found = self._deliveries.find(where).sort([("created_at", -1), ("event_id", -1)]).limit(limit)
        return [_as_delivery(each) for each in found]

    @reaching_mongodb
    def find(self, webhook_id: str, event_id: str) -> Delivery | None:
        found = self._deliveries.find_one({"_id": f"{event_id}.{webhook_id}"})
        return None if found is None else _as_delivery(found)

    @reaching_mongodb
    def replay(self, delivery_id: str) -> bool:
        """Deliver it again from the first attempt on, now; False while somebody is at it."""
        which = {"_id": delivery_id, "status": {"$ne": Status.PROCESSING}}
        return self._deliveries.update_one(which, _again()).modified_count == 1

    @reaching_mongodb
    def failed_between(self, webhook_id: str, since: datetime, until: datetime, *, limit: int) -> Sequence[str]:
        """Those that failed of an endpoint and were made in a time, the oldest first."""
        where = {"webhook_id": webhook_id, "status": Status.FAILED, "created_at": {"$gte": since, "$lt": until}}
        found = self._deliveries.find(where, {"_id": 1}).sort([("created_at", 1), ("event_id", 1)]).limit(limit)
        return [each["_id"] for each in found]

    @reaching_mongodb
    def count_by_status(self) -> Mapping[str, int]:
        """How many there are (of the last `KEPT_DAYS` days); for figures."""
        found = self._deliveries.aggregate([{"$sort": {"status": 1}}, {"$group": {"_id": "$status", "n": {"$sum": 1}}}])
        return {each["_id"]: each["n"] for each in found}


def _again() -> list[Document]:
    kept = seconds_from_now(KEPT_DAYS * 24 * 60 * 60)
    cleared = dict.fromkeys(("ended_at", "last_error", "response_status", "response_seconds"), REMOVE)
    return [{"$set": fields({**queued(), **cleared, "replays": increased("replays"), "expires_at": kept})}]


def _as_delivery(found: Document) -> Delivery:
    status = Status(found["status"])
    return Delivery(
        id=found["_id"],
        event_id=found["event_id"],
        type=found["type"],
        status=status,
        attempts=found["attempts"],
        replays=found.get("replays", 0),
        event_at=found["event_at"],
        created_at=found["created_at"],
        attempted_at=found.get("started_at"),
        next_attempt_at=found.get("not_before") if status is Status.QUEUED else None,
        ended_at=found.get("ended_at"),
        response_status=found.get("response_status"),
        response_seconds=found.get("response_seconds"),
        error=found.get("last_error"),
    )
