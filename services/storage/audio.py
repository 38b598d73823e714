"""Recordings in GridFS, as received. `metadata.status` says why a file is there: stored, failed or deleting."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import pymongo
from bson import Int64, ObjectId
from gridfs import DEFAULT_CHUNK_SIZE, GridFSBucket, NoFile
from pymongo.errors import PyMongoError

from services.errors import RecordingRejected
from services.models import AnswerRef, Recording
from services.storage.client import Document, MongoDatabase, reaching_mongodb

ABORT_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class StoredAudio:
    """A file in GridFS and the answer it was recorded for."""

    file_id: str
    ref: AnswerRef
    status: str
    uploaded_at: datetime
    length_bytes: int


class AudioStore:
    """Keeps recordings until their transcript is stored."""

    def __init__(self, database: MongoDatabase) -> None:
        self._bucket = GridFSBucket(database)
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]

    @reaching_mongodb
    def save(self, recording: Recording, ref: AnswerRef, user_id: str) -> str:
        """Store a recording and return its file id; what a failed attempt left behind is removed."""
        file_id, uploaded_at = ObjectId(), datetime.now(UTC)
        metadata = {
            "session_id": ref.session_id,
            "question_id": ref.question_id,
            "answer_id": ref.answer_id,
            "user_id": user_id,
            "upload_date": uploaded_at,
            "status": "stored",
            "status_at": uploaded_at,
            "sha256": recording.sha256,
            "content_type": recording.content_type,
        }
        file = {
            "_id": file_id,
            "filename": ref.answer_id,
            "length": Int64(len(recording.content)),
            "chunkSize": DEFAULT_CHUNK_SIZE,
            "uploadDate": uploaded_at,
            "metadata": metadata,
        }
        # Not through GridIn, which asks for the indexes before every file: they were made at start (indexes.py).
        try:
            self._chunks.insert_many(_chunks_of(file_id, recording.content))
            self._files.insert_one(file)
        except BaseException:
            # Best effort and brief: where the database is away, the cleanup removes it another day.
            with suppress(PyMongoError), pymongo.timeout(ABORT_SECONDS):
                self._bucket.delete(file_id)
            raise
        return str(file_id)

    @reaching_mongodb
    def read(self, file_id: str) -> bytes:
        """The bytes of a recording; raises `RecordingRejected("audio_missing")` when they are gone."""
        try:
            content: bytes = self._bucket.open_download_stream(ObjectId(file_id)).read()
            return content
        except NoFile as error:
            message = "The recording is no longer stored. Please record the answer again."
            raise RecordingRejected(message, code="audio_missing") from error

    @reaching_mongodb
    def delete(self, file_id: str) -> None:
        """Delete a recording; one that is gone already is success."""
        try:
            self._bucket.delete(ObjectId(file_id))
        except NoFile:
            return

    @reaching_mongodb
    def with_status(self, status: str, *, before: datetime) -> list[StoredAudio]:
        """Recordings that have had a status since before a time."""
        return [_stored_audio(each) for each in self._files.find(_older(status, before))]

    @reaching_mongodb
    def chunks_without_file(self, before: datetime) -> list[str]:
        """Ids of files that were begun before a time and never finished (the process ended in between)."""
        newest = ObjectId.from_datetime(before)
        ids = self._chunks.distinct("files_id", {"files_id": {"$lt": newest}})
        known = {each["_id"] for each in self._files.find({"_id": {"$in": ids}}, {"_id": 1})}
        return [str(each) for each in ids if each not in known]


def _chunks_of(file_id: ObjectId, content: bytes) -> list[Document]:
    """The GridFS chunks of a file (https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md)."""
    starts = range(0, len(content), DEFAULT_CHUNK_SIZE)
    return [
        {"files_id": file_id, "n": number, "data": content[start : start + DEFAULT_CHUNK_SIZE]}
        for number, start in enumerate(starts)
    ]


def _older(status: str, before: datetime) -> Document:
    return {"metadata.status": status, "metadata.status_at": {"$lt": before}}


def _stored_audio(found: Document) -> StoredAudio:
    metadata = found["metadata"]
    ref = AnswerRef(metadata["session_id"], metadata["question_id"], metadata["answer_id"])
    return StoredAudio(str(found["_id"]), ref, metadata["status"], found["uploadDate"], found["length"])
