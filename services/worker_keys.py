"""Worker keys: what lets a worker of somebody else transcribe one owner's answers, and do nothing else."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from services.access import hash_of, new_token
from services.audit import Audit
from services.errors import NotFound
from services.models import Caller
from services.storage.worker_keys import WorkerKey, WorkerKeyStore

# For whoever finds one where it should not be, and for programs that look for such.
PREFIX = "parley_worker_"
DAYS = 90


class WorkerKeys:
    """Makes and revokes keys; each of both leaves a row in the audit log before it is done."""

    def __init__(self, store: WorkerKeyStore, audit: Audit) -> None:
        self._store = store
        self._audit = audit

    def make(self, actor: Caller, owner_id: str, name: str, *, days: int = DAYS) -> tuple[WorkerKey, str]:
        """A new key, and the secret that opens with it, which is never shown again."""
        now = datetime.now(UTC)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        key = WorkerKey(token_hex(12), owner_id, name, now, actor.user_id, now + timedelta(days=days))
        self._audit.record("worker_key.create", actor, owner_id=owner_id, details={"key_id": key.key_id})
        secret = PREFIX + new_token()
        self._store.add(hash_of(secret), key)
        return key, secret

    def list_of(self, owner_id: str | None = None) -> Sequence[WorkerKey]:
        """Keys that have not expired, of one owner or of all, the newest first."""
        return self._store.list_of(owner_id, datetime.now(UTC))

    def revoke(self, actor: Caller, key_id: str) -> None:
        """End a key: from the next request on it opens nothing. Raises `NotFound`."""
        found = self._store.find(key_id)
        if found is None:
            raise NotFound("There is no such worker key.", code="no_such_worker_key")
        self._audit.record("worker_key.revoke", actor, owner_id=found.owner_id, details={"key_id": key_id})
        self._store.delete(key_id)

    def revoke_of(self, actor: Caller, owner_id: str) -> int:
        """End every key of an owner; how many there were."""
        self._audit.record("worker_key.revoke", actor, owner_id=owner_id)
        return self._store.delete_of(owner_id)
