"""Who did what to whose interview: the `audit` collection. Rows are added and read, never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Who did what, when, to whose session; `id` only tells rows of one moment apart."""

    id: str
    at: datetime
    action: str
    actor_id: str
    actor_role: str
    session_id: str | None
    owner_id: str | None
    details: Mapping[str, Any]


class AuditStore:
    """Adds rows and reads them, newest first."""

    def __init__(self, database: MongoDatabase) -> None:
        self._rows = database["audit"]

    @reaching_mongodb
    def add(self, row: AuditRow) -> None:
        """Store a row; raises `Unavailable` where that cannot be promised."""
        self._rows.insert_one(as_document(row))

    @reaching_mongodb
    def list_of(self, *, session_id: str | None, before: tuple[datetime, str] | None, limit: int) -> Sequence[AuditRow]:
        """Rows (of one session, where one is named) from after the (at, id) last seen, newest first."""
        where: Document = {} if session_id is None else {"session_id": session_id}
        if before is not None:
            at, row_id = before
            where["$or"] = [{"at": {"$lt": at}}, {"at": at, "_id": {"$lt": ObjectId(row_id)}}]
        found = self._rows.find(where).sort([("at", -1), ("_id", -1)]).limit(limit)
        return [_as_row(each) for each in found]


def new_row(action: str, **fields: Any) -> AuditRow:
    """A row of this moment; Mongo keeps milliseconds."""
    now = datetime.now(UTC)
    return AuditRow(
        id=str(ObjectId()), at=now.replace(microsecond=now.microsecond // 1000 * 1000), action=action, **fields
    )


def as_document(row: AuditRow) -> Document:
    """As it is stored, for whoever adds it in the transaction of the deed."""
    fields = asdict(row)
    return {"_id": ObjectId(fields.pop("id")), **fields}


def _as_row(found: Document) -> AuditRow:
    return AuditRow(id=str(found.pop("_id")), **found)
