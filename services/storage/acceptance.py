"""How an upload becomes the queued answer to its question: in one transaction, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from gridfs import DEFAULT_CHUNK_SIZE
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from services.errors import ConsentRequired, NotFound, ParleyError, Unavailable, already_submitted
from services.models import AnswerRef, Status
from services.storage.answer_updates import Pipeline, answer_change, ids_with, path_of
from services.storage.answers import RESEND_SECONDS
from services.storage.audio import file_document
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, fields, seconds_from_now
from services.storage.partials import remove_partial

RECEIPT_HOURS = 48
# Of a session that takes recordings; looked at by the very write that takes one.
NOT_WITHDRAWN = {"details.consent.withdrawn_at": None}
CONSENTED = {**NOT_WITHDRAWN, "details.consent.given_at": {"$ne": None}}
# What a repeat is told, and by what another request under its key is found out.
_RECEIPT = ("file_id", "bytes", "sha256", "language_hint", "declared_duration_ms")


class UploadLost(Unavailable):
    """Raised when an upload took so long that what was stored of it has been collected."""

    code = "upload_lost"

    def __init__(self) -> None:
        super().__init__("The upload took too long. Please send the recording again.", retry_after_seconds=1)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is stored of an answer. `is_repeat`: by an earlier upload of this very answer, and nothing was changed."""

    file_id: str
    bytes: int
    sha256: str
    language_hint: str | None = None
    declared_duration_ms: int | None = None
    replaced_file_id: str | None = None
    is_repeat: bool = False


class AcceptanceStore:
    """Queues answers; everything after that is `AnswerStore`'s."""

    def __init__(self, database: MongoDatabase, *, requires_consent: bool = False) -> None:
        self._consent = CONSENTED if requires_consent else NOT_WITHDRAWN
        self._sessions = database["interview_sessions"]
        self._erasures = database["erasures"]
        self._files = database["fs.files"]
        self._chunks = database["fs.chunks"]
        self._uploads = database["uploads"]
        self._transcripts = database["transcripts"]
        self._receipts = database["receipts"]
        self._client = database.client

    @reaching_mongodb
    def accept(
        self, ref: AnswerRef, answer: Mapping[str, Any], *, once: bool = False, new_session: Document | None = None
    ) -> Accepted:
        """Make `answer`, whose chunks are stored, the queued answer to its question: of a new session, where one comes.

        With `once` an answer id is accepted one time in `RECEIPT_HOURS`, whatever became of the answer since; a repeat
        gets what was said then. Raises `NotFound` when there is no such session or question, `Conflict` when it was
        submitted, `ConsentRequired`, and `UploadLost`.
        """

        def together(transaction: ClientSession) -> Accepted:
            if new_session is not None:
                self._start(new_session, transaction)
            return self._accept(ref, answer, once, transaction)

        try:
            return in_transaction(self._client, together)
        except DuplicateKeyError:
            found = self._receipts.find_one({"_id": ref.answer_id}, dict.fromkeys(_RECEIPT, 1) | {"_id": 0})
            if found is None:
                # Erased in this moment: the next try finds that the session is gone.
                raise UploadLost from None
            return Accepted(**found, is_repeat=True)

    @reaching_mongodb
    def has_receipt(self, answer_id: str) -> bool:
        """Whether this id was accepted `once`."""
        return self._receipts.find_one({"_id": answer_id}, {"_id": 1}) is not None

    def _start(self, session: Document, transaction: ClientSession) -> None:
        """An id that was erased is not used again while its tombstone stands: the sweep would take what comes."""
        if self._erasures.find_one({"_id": f"session:{session['_id']}"}, {"_id": 1}, session=transaction) is not None:
            raise NotFound("What this key was used for has been erased.")
        self._sessions.insert_one(session, session=transaction)

    def _accept(self, ref: AnswerRef, answer: Mapping[str, Any], once: bool, transaction: ClientSession) -> Accepted:
        accepted = {"file_id": answer["gridfs_file_id"], **{name: answer.get(name) for name in _RECEIPT[1:]}}
        if once:
            # First: where the id is taken, nothing else is to be done.
            expires_at = datetime.now(UTC) + timedelta(hours=RECEIPT_HOURS)
            receipt = {"_id": ref.answer_id, "session_id": ref.session_id, **accepted, "expires_at": expires_at}
            self._receipts.insert_one(receipt, session=transaction)
        self._end_upload(answer["gridfs_file_id"], answer["bytes"], transaction)
        self._files.insert_one(file_document(ref, answer), session=transaction)
        # Last: where this process dies now, nobody can write to the session until the server ends the transaction.
        replaced = self._queue(ref, answer, transaction)
        if replaced is not None:
            # For whoever deletes next: the caller after this transaction, or else the sweep.
            deleting = {"metadata.status": "deleting", "metadata.status_at": datetime.now(UTC)}
            self._files.update_one({"_id": ObjectId(replaced)}, {"$set": deleting}, session=transaction)
        return Accepted(**accepted, replaced_file_id=replaced)

    def _queue(self, ref: AnswerRef, answer: Mapping[str, Any], transaction: ClientSession) -> str | None:
        """The id of the recording that this one takes the place of."""
        path = path_of(ref)
        where = {"_id": ref.session_id, "questions.id": ref.question_id, "submitted_at": None}
        before = self._sessions.find_one_and_update(
            {**where, **self._consent},
            _queueing(ref, answer),
            projection={f"{path}.gridfs_file_id": 1, f"{path}.id": 1},
            return_document=ReturnDocument.BEFORE,
            session=transaction,
        )
        if before is None:
            if self._sessions.find_one(where, {"_id": 1}, session=transaction) is not None:
                raise ConsentRequired
            raise why_not_taken(self._sessions, ref, transaction)
        replaced = before.get("answers", {}).get(ref.question_id)
        if replaced is None:
            return None
        remove_partial(self._transcripts, replaced["id"], transaction)
        file_id: str | None = replaced["gridfs_file_id"]
        return file_id

    def _end_upload(self, file_id: str, length_bytes: int, transaction: ClientSession) -> None:
        """Take the marker away (uploads.py): where it is gone or being collected, so are the chunks.

        The chunks themselves may be gone where the primary has changed since. What a transaction has seen is on the
        majority once it has committed there, so nobody had to wait for that before.
        """
        marker = {"_id": ObjectId(file_id), "collecting": {"$ne": True}}
        is_there = self._uploads.delete_one(marker, session=transaction).deleted_count
        if not is_there or not self._has_chunks(ObjectId(file_id), length_bytes, transaction):
            raise UploadLost

    def _has_chunks(self, file_id: ObjectId, length_bytes: int, transaction: ClientSession) -> bool:
        """Whether the last chunk is there, and with it all: they were inserted in order, by one command."""
        last = {"files_id": file_id, "n": (length_bytes - 1) // DEFAULT_CHUNK_SIZE}
        return self._chunks.find_one(last, {"_id": 1}, session=transaction) is not None


def why_not_taken(sessions: Collection[Document], ref: AnswerRef, transaction: ClientSession) -> ParleyError:
    """Why a session takes no answer to this question any more."""
    submitted = {"_id": ref.session_id, "questions.id": ref.question_id, "submitted_at": {"$ne": None}}
    if sessions.find_one(submitted, {"_id": 1}, session=transaction) is not None:
        return already_submitted()
    return NotFound("The session or the question is gone.")


def _queueing(ref: AnswerRef, answer: Mapping[str, Any]) -> Pipeline:
    path = path_of(ref)
    document: Document = {
        **answer,
        "id": ref.answer_id,
        "question_id": ref.question_id,
        "transcription_status": Status.QUEUED,
        "created_at": NOW,
        "attempts": 0,
        "crashes": 0,
    }
    return answer_change(
        ref,
        {},
        open_entry={"due": seconds_from_now(RESEND_SECONDS)},
        answer_ids=ids_with(ref).value,
        # An operator, so that the whole answer is replaced: a plain document would be merged into the old one.
        **{path: {"$mergeObjects": [fields(document)]}},
    )
