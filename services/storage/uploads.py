"""Uploads in flight: each has a marker, so that what a dead process left of one is found and removed.

The marker is written before the first chunk and goes in the transaction that makes the answer (acceptance.py). So a
marker says: whatever is stored under this file id belongs to no answer. Whoever collects it first says so in the
marker, and from then on the transaction fails.
"""

from contextlib import suppress
from datetime import UTC, datetime

import pymongo
from bson import ObjectId
from pymongo.write_concern import WriteConcern

from services.errors import Unavailable
from services.models import AnswerRef
from services.storage.audio import AudioStore
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.expressions import fields, seconds_from_now

# An upload that was not ended by then never will be: each of its writes may take 3 s. And the transaction of a process
# that died in it, which holds the marker, has been ended by the server (after 60 s by default, looking every 30 s).
IN_FLIGHT_SECONDS = 120
ABANDON_SECONDS = 0.3
_IS_OVER = {"$expr": {"$lte": ["$expires_at", "$$NOW"]}}


class UploadStore:
    """The `uploads` collection; the id of a marker is the id of the GridFS file."""

    def __init__(self, database: MongoDatabase, audio: AudioStore) -> None:
        self._uploads = database["uploads"]
        # Not waited for: what the majority has of the chunks that follow, it has of everything before them.
        self._unawaited = self._uploads.with_options(write_concern=WriteConcern(w=1))
        self._audio = audio

    @reaching_mongodb
    def store(self, ref: AnswerRef, content: bytes) -> str:
        """Store the bytes of an answer that is not accepted yet; the file's id, a fresh one for every attempt."""
        file_id = ObjectId()
        try:
            self._mark(file_id, ref)
            self._audio.save_chunks(file_id, content)
        except BaseException:
            with suppress(Unavailable):
                self.abandon(str(file_id))
            raise
        return str(file_id)

    @reaching_mongodb
    def abandon(self, file_id: str) -> None:
        """Remove an upload that came to nothing, within a moment or not at all: the sweep does the rest.

        One that was accepted or kept after all, by a commit whose reply was lost, has no marker any more or one that
        says so, and stays.
        """
        with pymongo.timeout(ABANDON_SECONDS):
            self.collect(file_id)

    @reaching_mongodb
    def begin(self, ref: AnswerRef) -> str:
        """Mark an upload whose chunks come later (streamed_uploads.py); the id of its file."""
        file_id = ObjectId()
        self._mark(file_id, ref)
        return str(file_id)

    @reaching_mongodb
    def collect(self, file_id: str) -> bool:
        """Remove an upload that is neither accepted nor kept; whether it was there."""
        return self._collect({"_id": ObjectId(file_id), "is_kept": {"$ne": True}})

    @reaching_mongodb
    def collect_abandoned(self) -> int:
        """Remove what uploads that never ended have left; how many there were. Any number may do so at once."""
        # The caller's clock only looks; what counts is the server's.
        found = list(self._uploads.find({"expires_at": {"$lte": datetime.now(UTC)}}, {"_id": 1}))
        return sum(self._collect({"_id": each["_id"], **_IS_OVER}) for each in found)

    @reaching_mongodb
    def collect_if_over(self, file_id: str) -> bool:
        """Remove an upload whose time is over, without waiting for the sweep; whether it was."""
        return self._collect({"_id": ObjectId(file_id), **_IS_OVER})

    @reaching_mongodb
    def count_kept(self, session_id: str, *, at_most: int) -> int:
        """How many recordings lie there for a session that are no answers yet; `at_most` and more are the same."""
        found = self._uploads.find({"session_id": session_id, "is_kept": True}, {"_id": 1}).limit(at_most)
        return sum(1 for _ in found)

    def _mark(self, file_id: ObjectId, ref: AnswerRef) -> None:
        marker = {
            "session_id": ref.session_id,
            "answer_id": ref.answer_id,
            "expires_at": seconds_from_now(IN_FLIGHT_SECONDS),
        }
        self._unawaited.update_one({"_id": file_id}, [{"$set": fields(marker)}], upsert=True)

    def _collect(self, which: Document) -> bool:
        """Each step may be the last of a process: the next sweep begins again at the first."""
        marker = self._uploads.find_one_and_update(which, {"$set": {"collecting": True}})
        if marker is None:
            return False
        self._audio.delete(str(marker["_id"]))
        self._uploads.delete_one({"_id": marker["_id"]})
        return True
