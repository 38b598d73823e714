"""Transcripts by workers that are not ours: what waits for one, and how it is written past our own workers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.models import AnswerRef, Status
from services.storage.answer_updates import answer_change, next_revision, path_of, without_lease
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, REMOVE
from services.storage.new_revisions import NewRevision, RevisionWriter
from services.storage.open_answers import EPOCH
from services.storage.partials import remove_partial, without_partial
from services.storage.revisions import WORKER
from services.storage.room import require_room

TAKING = (Status.QUEUED, Status.PROCESSING, Status.FAILED)
# A person has ended these: no worker starts them again.
ENDED_BY_HAND = "marked_failed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer of an owner, with its document, and what its session says of all its answers."""

    ref: AnswerRef
    answer: Mapping[str, Any]
    language: str | None

    @property
    def hinted_language(self) -> str | None:
        """What was said of this recording wins over what was said of all."""
        return self.answer.get("language_hint") or self.language


@dataclass(frozen=True, slots=True)
class Written:
    """An answer that has just been completed, and the recording that nobody needs any more."""

    answer: Mapping[str, Any]
    file_id: str | None


class OutsideTranscriptStore:
    """What a worker of somebody else may find and write."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._files = database["fs.files"]
        self._transcripts = database["transcripts"]
        self._revisions = RevisionWriter(database)
        self._client = database.client

    @reaching_mongodb
    def waiting(
        self, owner_id: str, status: Status, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[Waiting]:
        """An owner's answers with a status that could be written, the oldest first, from after the one last seen."""
        is_open = status in (Status.QUEUED, Status.PROCESSING)
        sessions: Document = {"open.due": {"$gt": EPOCH}} if is_open else {"ended.status": status}
        later: Document = {}
        if after is not None:
            at, answer_id = after
            same = {"answer.created_at": at, "answer.id": {"$gt": answer_id}}
            later = {"$or": [{"answer.created_at": {"$gt": at}}, same]}
        found = self._sessions.aggregate(
            [
                {"$match": {"owner_id": owner_id, **sessions}},
                {"$project": {"language": 1, "answer": {"$objectToArray": "$answers"}}},
                {"$unwind": "$answer"},
                {"$set": {"answer": "$answer.v"}},
                {"$match": {**_takes_transcript("answer", (status,)), **later}},
                {"$sort": {"answer.created_at": 1, "answer.id": 1}},
                {"$limit": limit},
            ]
        )
        return [_as_waiting(each["_id"], each["answer"], each["language"]) for each in found]

    @reaching_mongodb
    def find(self, owner_id: str, answer_id: str) -> Waiting | None:
        """One answer of an owner, however it stands."""
        found = self._sessions.find_one({"answer_ids": answer_id, "owner_id": owner_id}, {"language": 1, "answers": 1})
        answers = found["answers"].values() if found else ()
        answer = next((each for each in answers if each["id"] == answer_id), None)
        return _as_waiting(found["_id"], answer, found["language"]) if found and answer else None

    @reaching_mongodb
    def answer_of(self, ref: AnswerRef) -> Mapping[str, Any] | None:
        """The answer's document; None when it is gone or was recorded again."""
        found = self._sessions.find_one({"_id": ref.session_id, f"{path_of(ref)}.id": ref.answer_id}, {path_of(ref): 1})
        answer: Mapping[str, Any] | None = found and found["answers"][ref.question_id]
        return answer

    @reaching_mongodb
    def write(self, ref: AnswerRef, told: Mapping[str, Any]) -> Written | None:
        """Complete an answer with the fields `told`, whoever works on it; None when it does not take a transcript.

        The lease goes with the change: a worker of ours that hears the recording stops at its next window. Raises
        `Conflict` where the interview is full.
        """
        require_room(self._sessions, ref.session_id)
        path, revision = path_of(ref), next_revision(ref)
        changed = {
            **told,
            "transcription_status": Status.COMPLETED,
            "revision": revision,
            "transcribed_at": NOW,
            "gridfs_file_id": None,
            **dict.fromkeys(("transcription_error", "ended_at", "not_before"), REMOVE),
            **without_lease(),
            **without_partial(),
        }
        where = {"_id": ref.session_id, f"{path}.id": ref.answer_id, **_takes_transcript(path)}
        kept = {f"revisions.{ref.question_id}": revision.value}
        change = answer_change(ref, changed, open_entry=None, **kept)

        def together(transaction: ClientSession) -> Written | None:
            after = self._sessions.find_one_and_update(
                where, change, {path: 1}, return_document=ReturnDocument.AFTER, session=transaction
            )
            if after is None:
                return None
            answer = after["answers"][ref.question_id]
            deleting = {"metadata.status": "deleting", "metadata.status_at": datetime.now(UTC)}
            file = self._files.find_one_and_update(
                {"metadata.answer_id": ref.answer_id}, {"$set": deleting}, {"_id": 1}, session=transaction
            )
            written = NewRevision(ref, answer["transcript"], answer.get("language"), author=WORKER)
            self._revisions.add(written, answer["revision"], transaction)
            remove_partial(self._transcripts, ref.answer_id, transaction)
            return Written(answer, str(file["_id"]) if file else None)

        return in_transaction(self._client, together)


def takes_transcript(answer: Mapping[str, Any]) -> bool:
    """Waiting or worked on, or failed for a machine's reasons; with its recording kept."""
    is_by_hand = (answer.get("transcription_error") or {}).get("code") == ENDED_BY_HAND
    return answer["transcription_status"] in TAKING and answer["gridfs_file_id"] is not None and not is_by_hand


def _takes_transcript(path: str, statuses: tuple[Status, ...] = TAKING) -> Document:
    """The same, for a query."""
    return {
        f"{path}.transcription_status": {"$in": list(statuses)},
        f"{path}.gridfs_file_id": {"$ne": None},
        f"{path}.transcription_error.code": {"$ne": ENDED_BY_HAND},
    }


def _as_waiting(session_id: str, answer: Document, language: str | None) -> Waiting:
    return Waiting(AnswerRef(session_id, answer["question_id"], answer["id"]), answer, language)
