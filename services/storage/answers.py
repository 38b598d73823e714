"""Answers inside their `interview_sessions` document: each step of the state machine is one conditional update."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.errors import LeaseLost
from services.models import AnswerRef, Claim, Status, Transcript, WhisperModel
from services.storage.answer_updates import answer_change, path_of, without_lease
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, Expression, fields, increased, seconds_from_now

# How long a message may take to be picked up before the sweep sends another one.
RESEND_SECONDS = 30


class AnswerStore:
    """Changes answers. Lease times are the database server's, so that the clocks of workers do not matter."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self._sessions = database["interview_sessions"]
        self._transcripts = database["transcripts"]
        self._files = database["fs.files"]
        self._client = database.client
        self._lease_seconds = lease_seconds

    @reaching_mongodb
    def claim(self, ref: AnswerRef, holder: str) -> Claim | None:
        """Take a queued answer, or one whose lease has run out; None when there is nothing to take.

        A claim that finds an expired lease counts a crash: whoever held it never gave it back.
        """
        path, token = path_of(ref), token_hex(16)
        crashed = {"$cond": [{"$eq": [f"${path}.transcription_status", Status.PROCESSING]}, 1, 0]}
        changed = {
            "transcription_status": Status.PROCESSING,
            "attempts": increased(f"{path}.attempts"),
            "crashes": Expression({"$add": [{"$ifNull": [f"${path}.crashes", 0]}, crashed]}),
            "started_at": NOW,
            "not_before": REMOVE,
            "progress": {"stage": "decoding", "windows_done": 0, "windows_total": None},
            "lease": Expression(fields({"token": token, "holder": holder, "expires_at": self._lease_end()})),
        }
        # A second message for an answer that waits for its next attempt must not bring that forward.
        is_queued = {
            f"{path}.transcription_status": Status.QUEUED,
            "$expr": {"$lte": [{"$ifNull": [f"${path}.not_before", "$$NOW"]}, "$$NOW"]},
        }
        is_abandoned = {
            f"{path}.transcription_status": Status.PROCESSING,
            "$expr": {"$lte": [f"${path}.lease.expires_at", "$$NOW"]},
        }
        after = self._sessions.find_one_and_update(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, "$or": [is_queued, is_abandoned]},
            answer_change(ref, changed, open_entry={"due": self._lease_end(), "holder": holder}),
            projection={path: 1},
            return_document=ReturnDocument.AFTER,
        )
        return None if after is None else _claim_of(ref, token, after["answers"][ref.question_id])

    @reaching_mongodb
    def renew(self, claim: Claim, *, stage: str, windows_done: int, windows_total: int | None) -> None:
        """Report progress and extend the lease; raises `LeaseLost` when the answer is no longer ours."""
        progress = {"stage": stage, "windows_done": windows_done, "windows_total": windows_total}
        changed = {"progress": progress, "lease.expires_at": self._lease_end()}
        self._write(claim, changed, open_entry={"due": self._lease_end(), "holder": claim.holder})

    @reaching_mongodb
    def release(self, claim: Claim, *, due_in_seconds: float = 0, gives_attempt_back: bool = False) -> None:
        """Put a claimed answer back into the queue, for nobody to claim before it is due.

        A clean release gives the attempt back.
        """
        due = seconds_from_now(due_in_seconds)
        changed: dict[str, Any] = {"transcription_status": Status.QUEUED, "not_before": due, **without_lease()}
        if gives_attempt_back:
            changed["attempts"] = increased(f"{path_of(claim.ref)}.attempts", -1)
        self._write(claim, changed, open_entry={"due": due})

    @reaching_mongodb
    def fail(self, claim: Claim, *, code: str, message: str, keeps_audio: bool) -> None:
        """End as `failed`; the audio is kept for a retry by hand only where a retry could help."""
        changed: dict[str, Any] = {
            "transcription_status": Status.FAILED,
            "transcription_error": {"code": code, "message": message},
            **without_lease(),
        }
        if not keeps_audio:
            changed["gridfs_file_id"] = None
        audio_status = "failed" if keeps_audio else "deleting"
        in_transaction(self._client, lambda transaction: self._finish(claim, changed, audio_status, transaction))

    @reaching_mongodb
    def complete(self, claim: Claim, transcript: Transcript, model: WhisperModel) -> None:
        """Store the transcript and mark the audio for deletion, all or nothing; `LeaseLost` for a late worker."""
        changed = {
            "transcription_status": Status.COMPLETED,
            "transcript": transcript.text,
            "no_speech": transcript.no_speech,
            "language": transcript.language,
            "duration_seconds": round(transcript.duration_seconds, 3),
            "whisper_model": model.name,
            "demo_model": model.demo_model,
            "revision": 1,
            "transcribed_at": NOW,
            "gridfs_file_id": None,
            **without_lease(),
        }

        def together(transaction: ClientSession) -> None:
            self._finish(claim, changed, "deleting", transaction)
            self._transcripts.insert_one(_first_revision(claim.ref, transcript), session=transaction)

        in_transaction(self._client, together)

    @reaching_mongodb
    def forget_audio(self, ref: AnswerRef, file_id: str) -> bool:
        """Let an answer that has ended say that its recording is gone; before the recording goes.

        False while the answer waits for it, perhaps again since a moment ago: then the recording must stay.
        """
        path = path_of(ref)
        refers = {"_id": ref.session_id, f"{path}.id": ref.answer_id, f"{path}.gridfs_file_id": file_id}
        is_open = {f"{path}.transcription_status": {"$in": [Status.QUEUED, Status.PROCESSING]}}
        change = answer_change(ref, {"gridfs_file_id": None}, open_entry=None)
        may_go = [True]

        def together(transaction: ClientSession) -> None:
            may_go[0] = self._sessions.find_one({**refers, **is_open}, {"_id": 1}, session=transaction) is None
            if may_go[0] and self._sessions.update_one(refers, change, session=transaction).matched_count:
                self._mark_audio(ref, "deleting", transaction)

        in_transaction(self._client, together)
        return may_go[0]

    def _finish(self, claim: Claim, changed: Mapping[str, Any], audio_status: str, transaction: ClientSession) -> None:
        self._write(claim, changed, open_entry=None, transaction=transaction)
        self._mark_audio(claim.ref, audio_status, transaction)

    def _mark_audio(self, ref: AnswerRef, status: str, transaction: ClientSession) -> None:
        self._files.update_one(
            {"metadata.answer_id": ref.answer_id},
            {"$set": {"metadata.status": status}, "$currentDate": {"metadata.status_at": True}},
            session=transaction,
        )

    def _write(
        self,
        claim: Claim,
        changed: Mapping[str, Any],
        *,
        open_entry: Mapping[str, Any] | None,
        transaction: ClientSession | None = None,
    ) -> None:
        path = path_of(claim.ref)
        result = self._sessions.update_one(
            {
                "_id": claim.ref.session_id,
                f"{path}.id": claim.ref.answer_id,
                f"{path}.transcription_status": Status.PROCESSING,
                f"{path}.lease.token": claim.token,
            },
            answer_change(claim.ref, changed, open_entry=open_entry),
            session=transaction,
        )
        if result.matched_count == 0:
            raise LeaseLost("The answer was taken over, recorded again or erased.")

    def _lease_end(self) -> Expression:
        return seconds_from_now(self._lease_seconds)


def _claim_of(ref: AnswerRef, token: str, answer: Document) -> Claim:
    return Claim(
        ref=ref,
        token=token,
        holder=answer["lease"]["holder"],
        file_id=answer["gridfs_file_id"],
        language=answer.get("language_hint"),
        attempts=answer["attempts"],
        crashes=answer["crashes"],
    )


def _first_revision(ref: AnswerRef, transcript: Transcript) -> Document:
    return {
        "_id": f"{ref.answer_id}:1",
        "session_id": ref.session_id,
        "answer_id": ref.answer_id,
        "revision": 1,
        "language": transcript.language,
        "segments": [asdict(segment) for segment in transcript.segments],
        "created_at": datetime.now(UTC),
    }
