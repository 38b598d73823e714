"""First attempts under a key, and what came of them: the `idempotency_keys` collection."""

from dataclasses import dataclass
from secrets import token_hex

from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from services.storage.answer_updates import Pipeline
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.expressions import NOW, Expression, fields, seconds_from_now

KEPT_SECONDS = 48 * 60 * 60
# As long as a request works on its task (each call to the database ends within 3 s), and short enough to wait for.
LEASE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Attempt:
    """What is stored under a key. `is_ours`: this very call has begun it; `reply` is what a finished one ended with."""

    id: str
    token: str
    fingerprint: str
    is_ours: bool = False
    reply: bytes | None = None


class IdempotencyStore:
    """The id is a hash of whose key it is, for what, and of the key: none of them can be read here."""

    def __init__(self, database: MongoDatabase) -> None:
        self._keys = database["idempotency_keys"]
        # Losing one in an election costs what a crash in between costs: the work may be begun again.
        self._unawaited = self._keys.with_options(write_concern=WriteConcern(w=1))

    @reaching_mongodb
    def exists(self, key_id: str) -> bool:
        return self._keys.find_one({"_id": key_id}, {"_id": 1}) is not None

    @reaching_mongodb
    def begin(self, key_id: str, fingerprint: str, *, user_id: str, session_id: str | None) -> Attempt:
        """Begin an attempt where there is none, or where whoever began it has died; else what there is."""
        token = token_hex(16)
        own = {
            "_id": key_id,
            "fingerprint": fingerprint,
            "token": token,
            # For whoever erases a person or a session.
            "user_id": user_id,
            "session_id": session_id,
            "lease_expires_at": seconds_from_now(LEASE_SECONDS),
            "expires_at": seconds_from_now(KEPT_SECONDS),
        }
        is_done = {"$ne": [{"$type": "$reply"}, "missing"]}
        is_running = {"$gt": ["$lease_expires_at", "$$NOW"]}
        kept_or_own = {"$cond": [{"$or": [is_done, is_running]}, "$$ROOT", fields(own)]}
        found = self._upserted(key_id, [{"$replaceWith": kept_or_own}])
        return Attempt(key_id, found["token"], found["fingerprint"], found["token"] == token, found.get("reply"))

    @reaching_mongodb
    def finish(self, attempt: Attempt, reply: bytes, *, created_session_id: str | None, awaits_majority: bool) -> None:
        """Keep the reply for repeats, unless the attempt was taken over."""
        keys = self._keys if awaits_majority else self._unawaited
        changed = {"reply": reply, "done_at": NOW, "lease_expires_at": Expression("$$REMOVE")}
        if created_session_id is not None:
            # For whoever erases it: the reply tells of it.
            changed["session_id"] = created_session_id
        keys.update_one({"_id": attempt.id, "token": attempt.token}, [{"$set": fields(changed)}])

    @reaching_mongodb
    def give_up(self, attempt: Attempt) -> None:
        """Free the key: nothing came of it."""
        self._unawaited.delete_one({"_id": attempt.id, "token": attempt.token})

    def _upserted(self, key_id: str, update: Pipeline) -> Document:
        try:
            found = self._unawaited.find_one_and_update({"_id": key_id}, update, upsert=True, return_document=True)
        except DuplicateKeyError:
            # Two first attempts at the same moment; now there is one, and it is found.
            found = self._unawaited.find_one_and_update({"_id": key_id}, update, upsert=True, return_document=True)
        return found or {}
