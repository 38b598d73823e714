"""Worker keys: access tokens with the role "worker", kept as hashes, each with a name and an id that is no secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.models import WORKER
from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class WorkerKey:
    """Whose answers it is for, and until when. The key itself is shown once, and kept nowhere."""

    key_id: str
    owner_id: str
    name: str
    created_at: datetime
    created_by: str
    expires_at: datetime


class WorkerKeyStore:
    """The worker keys among the `access_tokens`; what a key opens is found as for any other token (tokens.py)."""

    def __init__(self, database: MongoDatabase) -> None:
        self._tokens = database["access_tokens"]

    @reaching_mongodb
    def add(self, token_hash: str, key: WorkerKey) -> None:
        self._tokens.insert_one(
            {
                "_id": token_hash,
                "user_id": key.owner_id,
                "role": WORKER,
                "key_id": key.key_id,
                "name": key.name,
                "created_at": key.created_at,
                "created_by": key.created_by,
                "expires_at": key.expires_at,
            }
        )

    @reaching_mongodb
    def list_of(self, owner_id: str | None, now: datetime) -> Sequence[WorkerKey]:
        """Those that still open something, of one owner or of all, the newest first."""
        where: Document = {"key_id": {"$gt": ""}, "expires_at": {"$gt": now}}
        if owner_id is not None:
            where["user_id"] = owner_id
        return [_as_key(each) for each in self._tokens.find(where).sort([("created_at", -1), ("key_id", 1)])]

    @reaching_mongodb
    def find(self, key_id: str) -> WorkerKey | None:
        found = self._tokens.find_one({"key_id": key_id})
        return None if found is None else _as_key(found)

    @reaching_mongodb
    def delete(self, key_id: str) -> bool:
        """False when there is no such key (any more)."""
        return self._tokens.delete_one({"key_id": key_id}).deleted_count == 1

    @reaching_mongodb
    def delete_of(self, owner_id: str) -> int:
        """Delete every key of an owner; how many there were."""
        return self._tokens.delete_many({"user_id": owner_id, "role": WORKER}).deleted_count


def _as_key(found: Document) -> WorkerKey:
    names = ("key_id", "name", "created_at", "created_by", "expires_at")
    return WorkerKey(owner_id=found["user_id"], **{name: found[name] for name in names})
