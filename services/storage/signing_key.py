"""The key that addresses for uploads are signed with: made once, at first use, and the same for every web process."""

import secrets
from contextlib import suppress

from pymongo.errors import DuplicateKeyError

from services.errors import Unavailable
from services.storage.client import Document, MongoDatabase, reaching_mongodb

KEY_BYTES = 32
UPLOADS = "uploads"


class SigningKeyStore:
    """The `signing_keys` collection. A key that is deleted is replaced: what was signed with it is void at once."""

    def __init__(self, database: MongoDatabase) -> None:
        self._keys = database["signing_keys"]

    @reaching_mongodb
    def for_uploads(self) -> bytes:
        """The key. Read each time, which costs less than knowing when a kept one is old."""
        found = self._keys.find_one({"_id": UPLOADS})
        if found is None:
            found = self._made()
        key: bytes = found["key"]
        return key

    def _made(self) -> Document:
        """Of many at once one makes it, and all read that one."""
        with suppress(DuplicateKeyError):
            fresh = {"$setOnInsert": {"key": secrets.token_bytes(KEY_BYTES)}}
            self._keys.update_one({"_id": UPLOADS}, fresh, upsert=True)
        found = self._keys.find_one({"_id": UPLOADS})
        if found is None:
            raise Unavailable("The key for signing was taken away at this moment.")
        return found
