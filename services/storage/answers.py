"""Answers inside their `interview_sessions` document: each step of the state machine is one conditional update."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.errors import LeaseLost, Unavailable
from services.models import AnswerRef, Claim, Status, Transcript, WhisperModel
from services.storage.answer_updates import Pipeline, answer_change, leased, next_revision, path_of, without_lease
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, Expression, seconds_from_now
from services.storage.usage import UsageStore

# How long a message may take to be picked up before the sweep sends another one.
RESEND_SECONDS = 30


class AnswerStore:
    """What workers change of answers; every write but the first carries the token of the claim (leases.py)."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self._sessions = database["interview_sessions"]
        self._transcripts = database["transcripts"]
        self._files = database["fs.files"]
        self._usage = UsageStore(database)
        self._client = database.client
        self._lease_seconds = lease_seconds

    @reaching_mongodb
    def claim(self, ref: AnswerRef, holder: str, token: str | None = None) -> Claim | None:
        """Take a queued answer, or one whose lease has run out; None when there is nothing to take.

        Who brings a token of its own can give back what it never heard it got: `give_back`.
        """
        path, token = path_of(ref), token or token_hex(16)
        changed = {
            **leased(ref).claimed(token, holder, self._lease_seconds),
            "progress": {"stage": "decoding", "windows_done": 0, "windows_total": None},
        }
        after = self._sessions.find_one_and_update(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, **leased(ref).is_free()},
            answer_change(ref, changed, open_entry={"due": self._lease_end(), "holder": holder}),
            projection={path: 1},
            return_document=ReturnDocument.AFTER,
        )
        return None if after is None else _claim_of(ref, token, after["answers"][ref.question_id])

    @reaching_mongodb
    def renew(self, claim: Claim, *, stage: str, windows_done: int, windows_total: int | None) -> None:
        """Report progress and extend the lease; raises `LeaseLost` when the answer is no longer ours."""
        self._renew(claim, {"progress": {"stage": stage, "windows_done": windows_done, "windows_total": windows_total}})

    @reaching_mongodb
    def hold(self, claim: Claim) -> None:
        """Extend the lease where there is nothing to report; raises `LeaseLost` as `renew` does."""
        self._renew(claim, {})

    @reaching_mongodb
    def release(self, claim: Claim, *, due_in_seconds: float = 0, gives_attempt_back: bool = False) -> None:
        """Put a claimed answer back into the queue, for nobody to claim before it is due.

        A clean release gives the attempt back.
        """
        self._release(claim.ref, claim.token, seconds_from_now(due_in_seconds), gives_attempt_back=gives_attempt_back)

    @reaching_mongodb
    def give_back(self, ref: AnswerRef, token: str) -> None:
        """Release cleanly; raises `LeaseLost` also when the claim with this token never came about."""
        self._release(ref, token, NOW, gives_attempt_back=True)

    @reaching_mongodb
    def fail(self, claim: Claim, *, code: str, message: str, keeps_audio: bool) -> None:
        """End as `failed`; the audio is kept for a retry by hand only where a retry could help."""
        changed: dict[str, Any] = {
            "transcription_status": Status.FAILED,
            "transcription_error": {"code": code, "message": message},
            "ended_at": NOW,
            **without_lease(),
        }
        if not keeps_audio:
            changed["gridfs_file_id"] = None
        change = answer_change(claim.ref, changed, open_entry=None)

        def together(transaction: ClientSession) -> None:
            self._write(claim.ref, claim.token, change, transaction)
            self._mark_audio(claim.ref, "failed" if keeps_audio else "deleting", transaction)

        in_transaction(self._client, together)

    @reaching_mongodb
    def complete(self, claim: Claim, transcript: Transcript, model: WhisperModel) -> None:
        """Store the transcript and mark the audio for deletion, all or nothing; `LeaseLost` for a late worker."""
        revision = next_revision(claim.ref)
        changed = {
            "transcription_status": Status.COMPLETED,
            "transcript": transcript.text,
            "no_speech": transcript.no_speech,
            "language": transcript.language,
            "duration_seconds": round(transcript.duration_seconds, 3),
            "whisper_model": model.name,
            "demo_model": model.demo_model,
            "revision": revision,
            "transcribed_at": NOW,
            "gridfs_file_id": None,
            **without_lease(),
        }
        kept = {f"revisions.{claim.ref.question_id}": revision.value}
        change = answer_change(claim.ref, changed, open_entry=None, **kept)

        def together(transaction: ClientSession) -> None:
            number = self._write(claim.ref, claim.token, change, transaction)["revision"]
            self._mark_audio(claim.ref, "deleting", transaction)
            self._transcripts.insert_one(_revision(claim.ref, number, transcript), session=transaction)

        in_transaction(self._client, together)
        # A count that is not made is no reason to do the work again.
        with suppress(Unavailable):
            self._usage.count_audio(claim.ref.session_id, transcript.duration_seconds)

    @reaching_mongodb
    def forget_audio(self, ref: AnswerRef, file_id: str) -> bool:
        """Let an answer that has ended say that its recording is gone; before the recording goes.

        False while the answer waits for it, perhaps again since a moment ago: then the recording must stay.
        """
        path = path_of(ref)
        refers = {"_id": ref.session_id, f"{path}.id": ref.answer_id, f"{path}.gridfs_file_id": file_id}
        is_open = {f"{path}.transcription_status": {"$in": [Status.QUEUED, Status.PROCESSING]}}
        change = answer_change(ref, {"gridfs_file_id": None}, open_entry=None)

        def together(transaction: ClientSession) -> bool:
            if self._sessions.find_one({**refers, **is_open}, {"_id": 1}, session=transaction) is not None:
                return False
            if self._sessions.update_one(refers, change, session=transaction).matched_count:
                self._mark_audio(ref, "deleting", transaction)
            return True

        return in_transaction(self._client, together)

    def _renew(self, claim: Claim, changed: Mapping[str, Any]) -> None:
        changed = {**changed, **leased(claim.ref).renewed(self._lease_seconds)}
        entry = {"due": self._lease_end(), "holder": claim.holder}
        self._write(claim.ref, claim.token, answer_change(claim.ref, changed, open_entry=entry))

    def _release(self, ref: AnswerRef, token: str, due: Expression, *, gives_attempt_back: bool) -> None:
        released = leased(ref).released(due, gives_attempt_back=gives_attempt_back)
        self._write(ref, token, answer_change(ref, {**without_lease(), **released}, open_entry={"due": due}))

    def _write(
        self, ref: AnswerRef, token: str, change: Pipeline, transaction: ClientSession | None = None
    ) -> Document:
        """Behind the fence; the answer as it is then."""
        path = path_of(ref)
        after = self._sessions.find_one_and_update(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, **leased(ref).is_held(token)},
            change,
            projection={f"{path}.revision": 1},
            return_document=ReturnDocument.AFTER,
            session=transaction,
        )
        if after is None:
            raise LeaseLost("The answer was taken over, cancelled, recorded again or erased.")
        answer: Document = after["answers"][ref.question_id]
        return answer

    def _mark_audio(self, ref: AnswerRef, status: str, transaction: ClientSession) -> None:
        self._files.update_one(
            {"metadata.answer_id": ref.answer_id},
            {"$set": {"metadata.status": status}, "$currentDate": {"metadata.status_at": True}},
            session=transaction,
        )

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


def _revision(ref: AnswerRef, number: int, transcript: Transcript) -> Document:
    return {
        "_id": f"{ref.answer_id}:{number}",
        "session_id": ref.session_id,
        "answer_id": ref.answer_id,
        "revision": number,
        "text": transcript.text,
        "language": transcript.language,
        "segments": [asdict(segment) for segment in transcript.segments],
        "created_at": datetime.now(UTC),
    }
