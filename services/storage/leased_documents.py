"""Documents that are each one piece of work of their own: who works on them until when, and which are due.

A document has `status`, `attempts`, `crashes`, `lease` and `not_before` as leases.py says; and, while it is not
finished, `due` (when somebody should look after it), `holder` and `resent`, which the index of the collection serves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection

from services.errors import LeaseLost
from services.models import Status
from services.storage.client import Document, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, Expression, fields, increased, seconds_from_now
from services.storage.leases import Leased

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# How long a message may take to be picked up before the sweep sends another one.
RESEND_SECONDS = 30
_WHOLE = Leased()


@dataclass(frozen=True, slots=True)
class DueWork:
    """A piece of work by its id, when somebody should look after it, who works on it, how often it was sent again."""

    ref: str
    due: datetime
    holder: str | None
    resent: int = 0


def queued(*, due_in_seconds: float = RESEND_SECONDS) -> dict[str, Any]:
    """The fields of work that begins to wait, for a pipeline update; the sweep sends it when it is due."""
    return {
        "status": Status.QUEUED,
        "attempts": 0,
        "crashes": 0,
        "resent": 0,
        "due": seconds_from_now(due_in_seconds),
        "not_before": REMOVE,
        "lease": REMOVE,
        "holder": REMOVE,
    }


def finished(status: Status) -> dict[str, Any]:
    """The fields of work that has ended, for a pipeline update."""
    return {"status": status, "ended_at": NOW, **dict.fromkeys(("lease", "due", "holder", "resent"), REMOVE)}


class LeasedDocuments:
    """Claims, renews and ends; every write but the claim carries its token."""

    def __init__(self, collection: Collection[Document], *, lease_seconds: float) -> None:
        self._collection = collection
        self._lease_seconds = lease_seconds

    @reaching_mongodb
    def claim(self, id_: str, holder: str, token: str) -> Document | None:
        """Take it where it is queued and due or its lease has run out; None when there is nothing to take."""
        lease_end = seconds_from_now(self._lease_seconds)
        changed = {**_WHOLE.claimed(token, holder, self._lease_seconds), "due": lease_end, "holder": holder}
        return self._collection.find_one_and_update(
            {"_id": id_, **_WHOLE.is_free()}, _change(changed), return_document=ReturnDocument.AFTER
        )

    @reaching_mongodb
    def hold(self, id_: str, token: str, changed: Mapping[str, Any] | None = None) -> None:
        """Extend the lease, and change what else there is to; raises `LeaseLost`, as every write below."""
        held = {**_WHOLE.renewed(self._lease_seconds), "due": seconds_from_now(self._lease_seconds)}
        self.write(id_, token, {**held, **(changed or {})})

    @reaching_mongodb
    def give_back(self, id_: str, token: str, *, due_in_seconds: float = 0) -> None:
        """Release as if it had never been claimed, for nobody to claim before it is due."""
        self._release(id_, token, due_in_seconds, gives_attempt_back=True)

    @reaching_mongodb
    def put_off(self, id_: str, token: str, seconds: float) -> None:
        """Release after an attempt that failed."""
        self._release(id_, token, seconds, gives_attempt_back=False)

    @reaching_mongodb
    def fail(self, id_: str, token: str, *, code: str, message: str) -> None:
        """End it as failed, with what may be shown as `last_error`."""
        self.write(id_, token, {**finished(Status.FAILED), "last_error": {"code": code, "message": message}})

    def write(
        self, id_: str, token: str, changed: Mapping[str, Any], transaction: ClientSession | None = None
    ) -> Document:
        """Change it behind the fence, and return it as it is then; its errors are the driver's own.

        `changed` are values and `Expression`s for a pipeline update, as for answers.
        """
        after = self._collection.find_one_and_update(
            {"_id": id_, **_WHOLE.is_held(token)},
            _change(changed),
            return_document=ReturnDocument.AFTER,
            session=transaction,
        )
        if after is None:
            raise LeaseLost("The work was taken over, ended or erased.")
        return after

    @reaching_mongodb
    def server_time(self) -> datetime:
        """What the clock of the database says, which set every `due`."""
        found: datetime = self._collection.database.command("hello")["localTime"]
        return found.replace(tzinfo=UTC)  # the client's `tz_aware` does not reach a command's reply

    @reaching_mongodb
    def due(self, before: datetime) -> list[DueWork]:
        """What is due before a time, the first first."""
        return [_due_work(each) for each in self._collection.find({"due": {"$lte": before}}, _DUE).sort("due", 1)]

    @reaching_mongodb
    def all(self) -> list[DueWork]:
        """Whatever is not finished, the first first."""
        return [_due_work(each) for each in self._collection.find({"due": {"$gt": EPOCH}}, _DUE).sort("due", 1)]

    @reaching_mongodb
    def postpone(self, work: DueWork, seconds: float) -> bool:
        """Move the time it is due; False when another sweep already did, so that only one of many sends it."""
        later = {"due": seconds_from_now(seconds), "resent": increased("resent")}
        result = self._collection.update_one({"_id": work.ref, "due": work.due}, _change(later))
        return result.modified_count == 1

    @reaching_mongodb
    def release_held_by(self, holder: str) -> int:
        """Give back what an earlier process of this very holder worked on when it ended, each counting a crash."""
        changed = {**_WHOLE.abandoned(), "due": NOW, "holder": REMOVE}
        held = {"due": {"$gt": EPOCH}, "holder": holder, "status": Status.PROCESSING}
        return self._collection.update_many(held, _change(changed)).modified_count

    def _release(self, id_: str, token: str, seconds: float, *, gives_attempt_back: bool) -> None:
        due: Expression = seconds_from_now(seconds)
        released = _WHOLE.released(due, gives_attempt_back=gives_attempt_back)
        self.write(id_, token, {**released, "due": due, "holder": REMOVE})


_DUE = {"due": 1, "holder": 1, "resent": 1}


def _change(changed: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"$set": fields(changed)}]


def _due_work(found: Document) -> DueWork:
    return DueWork(found["_id"], found["due"], found.get("holder"), found.get("resent", 0))
