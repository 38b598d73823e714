"""Access tokens of people, kept as SHA-256 hashes: a stolen database opens nothing."""

from datetime import UTC, datetime

from pymongo.errors import DuplicateKeyError

from services.models import Caller
from services.storage.client import MongoDatabase, reaching_mongodb


class TokenStore:
    """The `access_tokens` collection; the hash is the id."""

    def __init__(self, database: MongoDatabase) -> None:
        self._tokens = database["access_tokens"]

    @reaching_mongodb
    def save(self, token_hash: str, caller: Caller, *, expires_at: datetime | None = None) -> None:
        """Store a token's hash, or the new owner of one that is known."""
        fields = {"user_id": caller.user_id, "role": caller.role, "expires_at": expires_at}
        self._tokens.update_one(
            {"_id": token_hash}, {"$set": fields, "$setOnInsert": {"created_at": datetime.now(UTC)}}, upsert=True
        )

    @reaching_mongodb
    def save_bootstrap(self, token_hash: str, caller: Caller) -> None:
        """Store the bootstrap token's hash; the one before it opens nothing any more."""
        self.save(token_hash, caller)
        self._tokens.update_one({"_id": token_hash}, {"$set": {"is_bootstrap": True}})
        self._tokens.delete_many({"is_bootstrap": True, "_id": {"$ne": token_hash}})

    @reaching_mongodb
    def save_first(self, token_hash: str, caller: Caller) -> bool:
        """Store the token that a first start made; False when another process has been first (a unique index)."""
        fields = {"user_id": caller.user_id, "role": caller.role, "expires_at": None, "is_first": True}
        try:
            self._tokens.insert_one({"_id": token_hash, **fields, "created_at": datetime.now(UTC)})
        except DuplicateKeyError:
            return False
        return True

    @reaching_mongodb
    def find(self, token_hash: str, now: datetime) -> tuple[Caller, datetime | None] | None:
        """Whose token it is, and until when; None when it is unknown or has expired."""
        found = self._tokens.find_one({"_id": token_hash})
        if found is None or (found["expires_at"] is not None and found["expires_at"] <= now):
            return None
        caller = Caller(user_id=found["user_id"], role=found["role"], key_id=found.get("key_id"))
        return caller, found["expires_at"]

    @reaching_mongodb
    def delete_of(self, user_id: str) -> int:
        """Delete a person's tokens; the change stream tells every web process (services/live.py)."""
        return self._tokens.delete_many({"user_id": user_id}).deleted_count

    @reaching_mongodb
    def is_empty(self) -> bool:
        """Whether no person could come in."""
        return self._tokens.find_one({"_id": {"$gt": ""}, "key_id": None}, {"_id": 1}) is None
