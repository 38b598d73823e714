"""How a typed text becomes the answer to its question: completed at once, in one transaction, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from services.errors import NotFound
from services.models import AnswerRef, Status
from services.storage.acceptance import RECEIPT_HOURS, why_not_taken
from services.storage.answer_updates import Pipeline, answer_change, ids_with, next_revision, path_of
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, fields
from services.storage.new_revisions import NewRevision, RevisionWriter
from services.storage.partials import remove_partial
from services.storage.revisions import TYPED
from services.storage.room import require_room

# What a repeat is told, and by what another text under its key is found out.
_RECEIPT = ("text_sha256", "language", "revision", "created_at")


@dataclass(frozen=True, slots=True)
class Typed:
    """What was stored of a typed answer. `is_repeat`: by an earlier request, and nothing was changed."""

    text_sha256: str
    language: str | None
    revision: int
    created_at: datetime
    replaced_file_id: str | None = None
    is_repeat: bool = False


class TypedAnswerStore:
    """Puts typed answers in the place of whatever was there."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._files = database["fs.files"]
        self._transcripts = database["transcripts"]
        self._receipts = database["receipts"]
        self._revisions = RevisionWriter(database)
        self._client = database.client

    @reaching_mongodb
    def accept(self, ref: AnswerRef, answer: Mapping[str, Any], *, text_sha256: str, once: bool = False) -> Typed:
        """Make `answer`, which has its `transcript`, the completed answer to its question.

        With `once` an answer id is accepted one time in `RECEIPT_HOURS`, whatever became of the answer since. Raises
        `NotFound` when there is no such session or question, `Conflict` when it was submitted or is full.
        """
        # Also where the session was submitted since: a repeat is told what the first one was.
        if once and (repeat := self._repeat(ref)) is not None:
            return repeat
        require_room(self._sessions, ref.session_id)
        try:
            return in_transaction(
                self._client, lambda transaction: self._accept(ref, answer, text_sha256, once, transaction)
            )
        except DuplicateKeyError:
            repeat = self._repeat(ref)
            if repeat is None:
                # Erased in this moment.
                raise NotFound("The session or the question is gone.") from None
            return repeat

    def _repeat(self, ref: AnswerRef) -> Typed | None:
        found = self._receipts.find_one({"_id": ref.answer_id}, dict.fromkeys(_RECEIPT, 1) | {"_id": 0})
        return None if found is None else Typed(**found, is_repeat=True)

    def _accept(
        self, ref: AnswerRef, answer: Mapping[str, Any], text_sha256: str, once: bool, transaction: ClientSession
    ) -> Typed:
        path = path_of(ref)
        where = {"_id": ref.session_id, "questions.id": ref.question_id, "submitted_at": None}
        told = {f"{path}.id": 1, f"{path}.gridfs_file_id": 1}
        before = self._sessions.find_one(where, told, session=transaction)
        after = before and self._sessions.find_one_and_update(
            where, _completing(ref, answer), {path: 1}, return_document=ReturnDocument.AFTER, session=transaction
        )
        if not before or not after:
            raise why_not_taken(self._sessions, ref, transaction)
        stored = after["answers"][ref.question_id]
        typed = Typed(text_sha256, stored["language"], stored["revision"], stored["created_at"])
        if once:
            expires_at = datetime.now(UTC) + timedelta(hours=RECEIPT_HOURS)
            said = {name: getattr(typed, name) for name in _RECEIPT}
            receipt = {"_id": ref.answer_id, "session_id": ref.session_id, **said, "expires_at": expires_at}
            self._receipts.insert_one(receipt, session=transaction)
        written = NewRevision(ref, stored["transcript"], stored["language"], author=TYPED)
        self._revisions.add(written, stored["revision"], transaction)
        replaced = self._give_up(before.get("answers", {}).get(ref.question_id), transaction)
        return Typed(typed.text_sha256, typed.language, typed.revision, typed.created_at, replaced)

    def _give_up(self, replaced: Document | None, transaction: ClientSession) -> str | None:
        """The id of the recording that is deleted next, by the caller or else by the sweep."""
        if replaced is None:
            return None
        remove_partial(self._transcripts, replaced["id"], transaction)
        file_id: str | None = replaced.get("gridfs_file_id")
        if file_id is not None:
            deleting = {"metadata.status": "deleting", "metadata.status_at": datetime.now(UTC)}
            self._files.update_one({"_id": ObjectId(file_id)}, {"$set": deleting}, session=transaction)
        return file_id


def _completing(ref: AnswerRef, answer: Mapping[str, Any]) -> Pipeline:
    """First the whole answer is replaced, then it is completed as any other is."""
    path, revision = path_of(ref), next_revision(ref)
    document = {
        **{name: value for name, value in answer.items() if name != "transcript"},
        "id": ref.answer_id,
        "question_id": ref.question_id,
        "kind": "text",
        "gridfs_file_id": None,
        "created_at": NOW,
        "attempts": 0,
        "crashes": 0,
    }
    completed = {
        "transcription_status": Status.COMPLETED,
        "transcript": answer["transcript"],
        "no_speech": False,
        "needs_review": False,
        "revision": revision,
    }
    kept = {f"revisions.{ref.question_id}": revision.value}
    # An operator, so that nothing of the old answer stays: a plain document would be merged into it.
    replaced = {"answer_ids": ids_with(ref).value, path: {"$mergeObjects": [fields(document)]}}
    return [{"$set": replaced}, *answer_change(ref, completed, open_entry=None, **kept)]
