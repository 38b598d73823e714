"""Uploads that come piece by piece: their chunks are stored as they come, so that no length is too much for a memory.

They are uploads in flight like any other (uploads.py), whose markers live on as long as something comes. Each write
waits for the majority: where the last chunk is there, all are, as the transaction that follows believes.
"""

from collections.abc import Sequence

import pymongo
from bson import ObjectId
from gridfs import DEFAULT_CHUNK_SIZE

from services.models import AnswerRef
from services.storage.acceptance import UploadLost
from services.storage.client import MongoDatabase, reaching_mongodb
from services.storage.expressions import fields, seconds_from_now
from services.storage.uploads import IN_FLIGHT_SECONDS, UploadStore

CHUNK_BYTES = DEFAULT_CHUNK_SIZE
# A long upload has many chunks; what is not gone by then the sweep takes.
ABANDON_SECONDS = 2.0


class StreamedUploadStore:
    """Takes one chunk after the other; how an upload ends: acceptance.py, or `abandon`."""

    def __init__(self, database: MongoDatabase, uploads: UploadStore) -> None:
        self._markers = database["uploads"]
        self._chunks = database["fs.chunks"]
        self._uploads = uploads

    @reaching_mongodb
    def begin(self, ref: AnswerRef) -> str:
        """Mark a new upload; the id of its file."""
        return self._uploads.begin(ref)

    @reaching_mongodb
    def add(self, file_id: str, first: int, chunks: Sequence[bytes]) -> None:
        """Store these chunks, of which all but an upload's last are full. Raises `UploadLost`."""
        self.keep_alive(file_id)
        numbered = enumerate(chunks, first)
        self._chunks.insert_many({"files_id": ObjectId(file_id), "n": n, "data": data} for n, data in numbered)

    @reaching_mongodb
    def keep_alive(self, file_id: str) -> None:
        """Let the marker live on; raises `UploadLost` where it has been collected, or is about to be."""
        marker = {"_id": ObjectId(file_id), "collecting": {"$ne": True}}
        change = [{"$set": fields({"expires_at": seconds_from_now(IN_FLIGHT_SECONDS)})}]
        if not self._markers.update_one(marker, change).matched_count:
            raise UploadLost

    @reaching_mongodb
    def abandon(self, file_id: str) -> None:
        """Remove what came of it, within seconds or not at all: the sweep does the rest."""
        with pymongo.timeout(ABANDON_SECONDS):
            self._uploads.collect(file_id)
