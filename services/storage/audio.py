"""Recordings in GridFS, as received. `metadata.status` says why a file is there: stored, failed or deleting."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

from bson import Int64, ObjectId
from gridfs import DEFAULT_CHUNK_SIZE, GridFSBucket, NoFile
from gridfs.errors import CorruptGridFile
from pymongo.write_concern import WriteConcern

from services.errors import RecordingRejected
from services.models import AnswerRef
from services.storage.client import Document, MongoDatabase, reaching_mongodb

# What is read of a recording at a time: 4 MB.
PART_CHUNKS = 16
PART_BYTES = PART_CHUNKS * DEFAULT_CHUNK_SIZE


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """A file in GridFS and the answer it was recorded for."""

    file_id: str
    ref: AnswerRef
    status: str
    uploaded_at: datetime
    length_bytes: int
    status_at: datetime


class AudioStore:
    """Keeps recordings until their transcript is stored. How one comes in: uploads.py and acceptance.py."""

    def __init__(self, database: MongoDatabase) -> None:
        self._bucket = GridFSBucket(database)
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._unawaited_chunks = self._chunks.with_options(write_concern=WriteConcern(w=1))
        self._uploads = database["uploads"]

    @reaching_mongodb
    def save_chunks(self, file_id: ObjectId, content: bytes) -> None:
        """The first half of a file (the second: `file_document`). Not by GridIn, which asks for indexes each time.

        They are not on the majority yet: whoever needs them looks and waits in its transaction (acceptance.py).
        """
        self._unawaited_chunks.insert_many(_chunks_of(file_id, content))

    @reaching_mongodb
    def read(self, file_id: str) -> bytes:
        """The bytes of a recording; raises `RecordingRejected("audio_missing")` when they are gone."""
        try:
            content: bytes = self._bucket.open_download_stream(ObjectId(file_id)).read()
            return content
        except (NoFile, CorruptGridFile) as error:
            raise _missing() from error

    @reaching_mongodb
    def read_part(self, file_id: str, number: int) -> bytes:
        """Some megabytes of a recording; behind its end none. Raises as `read`, also where a part of it is gone."""
        which = {"files_id": ObjectId(file_id), "n": {"$gte": number * PART_CHUNKS, "$lt": (number + 1) * PART_CHUNKS}}
        chunks = list(self._chunks.find(which, {"n": 1, "data": 1}).sort("n", 1))
        file = self._files.find_one({"_id": ObjectId(file_id)}, {"length": 1})
        part = b"".join(each["data"] for each in chunks)
        if file is None or len(part) != min(max(file["length"] - number * PART_BYTES, 0), PART_BYTES):
            raise _missing()
        return part

    def parts(self, file_id: str) -> Iterator[bytes]:
        """A recording in parts, each read when it is asked for; raises as `read_part`, and so also half-way."""
        for number in count():
            part = self.read_part(file_id, number)
            if not part:
                return
            yield part

    @reaching_mongodb
    def delete(self, file_id: str) -> None:
        """Delete a recording; one that is gone already is success."""
        # The chunks first: what is left by a process that ends in between can still be found by its file.
        self._chunks.delete_many({"files_id": ObjectId(file_id)})
        self._files.delete_one({"_id": ObjectId(file_id)})

    @reaching_mongodb
    def with_status(self, status: str, *, before: datetime) -> list[StoredAudio]:
        """Recordings that have had a status since before a time."""
        return [_stored_audio(each) for each in self._files.find(_older(status, before))]

    @reaching_mongodb
    def chunks_without_file(self, before: datetime) -> list[str]:
        """Ids of files that were begun before a time and never finished (the process ended in between).

        Not those with a marker: their time is the marker's (uploads.py).
        """
        newest = ObjectId.from_datetime(before)
        ids = self._chunks.distinct("files_id", {"files_id": {"$lt": newest}})
        known = {
            each["_id"] for of in (self._uploads, self._files) for each in of.find({"_id": {"$in": ids}}, {"_id": 1})
        }
        return [str(each) for each in ids if each not in known]


def file_document(ref: AnswerRef, answer: Mapping[str, Any]) -> Document:
    """What makes chunks a file, from the answer's own document."""
    uploaded_at = datetime.now(UTC)
    metadata = {
        "session_id": ref.session_id,
        "question_id": ref.question_id,
        "answer_id": ref.answer_id,
        "user_id": answer["user_id"],
        "upload_date": uploaded_at,
        "status": "stored",
        "status_at": uploaded_at,
        "sha256": answer["sha256"],
        "content_type": answer["content_type"],
    }
    return {
        "_id": ObjectId(answer["gridfs_file_id"]),
        "filename": ref.answer_id,
        "length": Int64(answer["bytes"]),
        "chunkSize": DEFAULT_CHUNK_SIZE,
        "uploadDate": uploaded_at,
        "metadata": metadata,
    }


def _chunks_of(file_id: ObjectId, content: bytes) -> list[Document]:
    """The GridFS chunks of a file (https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md)."""
    starts = range(0, len(content), DEFAULT_CHUNK_SIZE)
    return [
        {"files_id": file_id, "n": number, "data": content[start : start + DEFAULT_CHUNK_SIZE]}
        for number, start in enumerate(starts)
    ]


def _missing() -> RecordingRejected:
    return RecordingRejected("The recording is no longer stored. Please record the answer again.", code="audio_missing")


def _older(status: str, before: datetime) -> Document:
    return {"metadata.status": status, "metadata.status_at": {"$lt": before}}


def _stored_audio(found: Document) -> StoredAudio:
    metadata = found["metadata"]
    ref = AnswerRef(metadata["session_id"], metadata["question_id"], metadata["answer_id"])
    return StoredAudio(
        str(found["_id"]), ref, metadata["status"], found["uploadDate"], found["length"], metadata["status_at"]
    )
