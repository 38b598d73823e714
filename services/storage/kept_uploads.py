"""Recordings that came by a signed address and wait for whoever makes them an answer.

The bytes are an upload in flight with a longer life (uploads.py): the sweep collects what nobody used. The object here
stays longer than its bytes and its address, so that neither is used twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from services.errors import Conflict, NotFound
from services.storage.acceptance import RECEIPT_HOURS, UploadLost
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import fields, seconds_from_now

KEPT_SECONDS = 60 * 60


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """What is stored under an object key, and for which question of which session."""

    object_key: str
    session_id: str
    question_id: str
    file_id: str
    bytes: int
    sha256: str
    content_type: str


class KeptUploadStore:
    """The `kept_uploads` collection; the object key is the id."""

    def __init__(self, database: MongoDatabase) -> None:
        self._kept = database["kept_uploads"]
        self._sessions = database["interview_sessions"]
        self._uploads = database["uploads"]
        self._client = database.client

    @reaching_mongodb
    def require_unused(self, object_key: str) -> None:
        """Raise `Conflict` when something is, or was, stored under this key."""
        if self._kept.find_one({"_id": object_key}, {"_id": 1}) is not None:
            raise _is_used()

    @reaching_mongodb
    def keep(self, upload: KeptUpload) -> datetime:
        """Keep an upload, whose chunks are stored, for `KEPT_SECONDS`; until when. One for each key, whoever comes.

        Raises `Conflict` for the second one, `NotFound` when the session is gone, and `UploadLost`.
        """
        try:
            return in_transaction(self._client, lambda transaction: self._keep(upload, transaction))
        except DuplicateKeyError:
            raise _is_used() from None

    @reaching_mongodb
    def find(self, object_key: str, session_id: str, question_id: str) -> KeptUpload | None:
        """What is stored under a key, for this question of this session only."""
        found = self._kept.find_one({"_id": object_key, "session_id": session_id, "question_id": question_id})
        return None if found is None else _as_kept(found)

    def _keep(self, upload: KeptUpload, transaction: ClientSession) -> datetime:
        """First of all the key: where it is taken, nothing else is to be done."""
        forgotten_at = datetime.now(UTC) + timedelta(seconds=KEPT_SECONDS, hours=RECEIPT_HOURS)
        self._kept.insert_one({**_document(upload), "expires_at": forgotten_at}, session=transaction)
        if self._sessions.find_one({"_id": upload.session_id}, {"_id": 1}, session=transaction) is None:
            raise NotFound("There is no such session.")
        marker = self._uploads.find_one_and_update(
            {"_id": ObjectId(upload.file_id), "collecting": {"$ne": True}},
            [{"$set": fields({"is_kept": True, "expires_at": seconds_from_now(KEPT_SECONDS)})}],
            return_document=ReturnDocument.AFTER,
            session=transaction,
        )
        if marker is None:
            raise UploadLost
        expires_at: datetime = marker["expires_at"]
        return expires_at


def _document(upload: KeptUpload) -> Document:
    return {
        "_id": upload.object_key,
        "session_id": upload.session_id,
        "question_id": upload.question_id,
        "file_id": upload.file_id,
        "bytes": upload.bytes,
        "sha256": upload.sha256,
        "content_type": upload.content_type,
    }


def _as_kept(found: Document) -> KeptUpload:
    names = ("session_id", "question_id", "file_id", "bytes", "sha256", "content_type")
    return KeptUpload(object_key=found["_id"], **{name: found[name] for name in names})


def _is_used() -> Conflict:
    return Conflict("A recording has come by this address already.", code="upload_url_used")
