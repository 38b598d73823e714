"""Keys of our own: each made once, at first use, and the same for every process."""

import secrets
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from services.errors import Unavailable
from services.storage.client import Document, MongoDatabase, reaching_mongodb

KEY_BYTES = 32
UPLOADS = "uploads"
WEBHOOKS = "webhooks"


class SigningKeyStore:
    """The `signing_keys` collection. A key that is deleted is replaced: what was signed with it is void at once."""

    def __init__(self, database: MongoDatabase) -> None:
        self._keys = database["signing_keys"]

    @reaching_mongodb
    def for_uploads(self) -> bytes:
        """What addresses are signed with. Read each time, which costs less than knowing when a kept one is old."""
        return self._key(UPLOADS)

    @reaching_mongodb
    def for_webhooks(self) -> bytes:
        """What secrets of webhooks are encrypted with where the settings give nothing better."""
        return self._key(WEBHOOKS)

    def _key(self, purpose: str) -> bytes:
        found = self._keys.find_one({"_id": purpose})
        if found is None:
            found = self._made(purpose)
        key: bytes = found["key"]
        return key

    def _made(self, purpose: str) -> Document:
        """Of many at once one makes it, and all read that one."""
        with suppress(DuplicateKeyError):
            fresh = {"$setOnInsert": {"key": secrets.token_bytes(KEY_BYTES)}}
            self._keys.update_one({"_id": purpose}, fresh, upsert=True)
        found = self._keys.find_one({"_id": purpose})
        if found is None:
            raise Unavailable("A key of ours was taken away at this moment.")
        return found
