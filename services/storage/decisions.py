"""What people decide about an answer: to cancel it, to call it failed, to try it again. Each is one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.client_session import ClientSession

from services.models import AnswerRef, Status
from services.storage.answer_updates import Pipeline, answer_change, path_of, without_lease
from services.storage.answers import RESEND_SECONDS
from services.storage.client import MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, seconds_from_now
from services.storage.partials import remove_partial, without_partial

OPEN = (Status.QUEUED, Status.PROCESSING)
TO_BE_RETRIED = (Status.FAILED, Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class Standing:
    """How an answer stands: enough to say why it was not changed."""

    status: Status
    has_recording: bool


class DecisionStore:
    """Changes answers whoever works on them: the lease goes with the change, so the worker has lost it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._files = database["fs.files"]
        self._transcripts = database["transcripts"]
        self._client = database.client

    @reaching_mongodb
    def cancel(self, ref: AnswerRef) -> bool:
        """End an unfinished answer; False when it is none. Its recording stays as long as a failed one's."""
        return self._end(ref, {"transcription_status": Status.CANCELLED})

    @reaching_mongodb
    def mark_failed(self, ref: AnswerRef, *, code: str, message: str) -> bool:
        """End an unfinished answer as failed; False when it is none. Its recording stays."""
        error = {"code": code, "message": message}
        return self._end(ref, {"transcription_status": Status.FAILED, "transcription_error": error})

    @reaching_mongodb
    def retry(self, ref: AnswerRef) -> bool:
        """Queue an answer that has ended without a transcript, as if new; False unless its recording is there."""
        changed = {
            "transcription_status": Status.QUEUED,
            "attempts": 0,
            "crashes": 0,
            # From now on it waits, whenever it was recorded.
            "not_before": NOW,
            "queued_at": NOW,
            **dict.fromkeys(("transcription_error", "ended_at", "started_at"), REMOVE),
        }
        change = answer_change(ref, changed, open_entry={"due": seconds_from_now(RESEND_SECONDS)})
        return self._decide(ref, TO_BE_RETRIED, change, audio={"from": "failed", "to": "stored"})

    @reaching_mongodb
    def standing(self, ref: AnswerRef) -> Standing | None:
        """How it stands; None when there is no such answer (any more)."""
        path = path_of(ref)
        found = self._sessions.find_one({"_id": ref.session_id, f"{path}.id": ref.answer_id}, {path: 1})
        if found is None:
            return None
        answer = found["answers"][ref.question_id]
        return Standing(Status(answer["transcription_status"]), answer.get("gridfs_file_id") is not None)

    def _end(self, ref: AnswerRef, changed: Mapping[str, Any]) -> bool:
        ended = {**changed, "ended_at": NOW, "not_before": REMOVE, **without_lease(), **without_partial()}
        change = answer_change(ref, ended, open_entry=None)
        return self._decide(ref, OPEN, change, audio={"from": "stored", "to": "failed"})

    def _decide(self, ref: AnswerRef, when: tuple[Status, ...], change: Pipeline, *, audio: Mapping[str, str]) -> bool:
        path = path_of(ref)
        where = {"_id": ref.session_id, f"{path}.id": ref.answer_id, f"{path}.transcription_status": {"$in": when}}
        file = {"metadata.answer_id": ref.answer_id, "metadata.status": audio["from"]}
        moved = {"$set": {"metadata.status": audio["to"]}, "$currentDate": {"metadata.status_at": True}}

        def together(transaction: ClientSession) -> bool:
            answers = self._sessions.update_one(where, change, session=transaction).matched_count
            files = self._files.update_one(file, moved, session=transaction).matched_count if answers else 0
            if audio["to"] == "failed":
                remove_partial(self._transcripts, ref.answer_id, transaction)
            # To end an answer needs no recording, to try it again does.
            if answers and (files or audio["to"] == "failed"):
                return True
            transaction.abort_transaction()
            return False

        return in_transaction(self._client, together)
