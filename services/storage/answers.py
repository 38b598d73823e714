"""Answers inside their `interview_sessions` document: each step of the state machine is one conditional update."""

from contextlib import suppress
from dataclasses import asdict
from secrets import token_hex
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.errors import Unavailable
from services.models import AnswerRef, Claim, Hints, Status, Task, Transcript, WhisperModel
from services.storage.answer_updates import answer_change, leased, next_revision, path_of, without_lease
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, Expression, increased, seconds_from_now
from services.storage.fence import Fence
from services.storage.new_revisions import NewRevision, RevisionWriter
from services.storage.partials import remove_partial, without_partial
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
        self._revisions = RevisionWriter(database)
        self._client = database.client
        self._fence = Fence(database, lease_seconds=lease_seconds)

    @reaching_mongodb
    def claim(self, ref: AnswerRef, holder: str, token: str | None = None) -> Claim | None:
        """Take a queued answer, or one whose lease has run out; None when there is nothing to take.

        Who brings a token of its own can give back what it never heard it got: `give_back`.
        """
        path, token = path_of(ref), token or token_hex(16)
        changed = {
            **leased(ref).claimed(token, holder, self._fence.lease_seconds),
            "progress": {"stage": "decoding", "windows_done": 0, "windows_total": None},
            "timing.queue": _queue_seconds(path),
        }
        after = self._sessions.find_one_and_update(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, **leased(ref).is_free()},
            answer_change(ref, changed, open_entry={"due": self._fence.lease_end(), "holder": holder}),
            projection={path: 1, **dict.fromkeys(_HINTS, 1)},
            return_document=ReturnDocument.AFTER,
        )
        return None if after is None else _claim_of(ref, token, after)

    @reaching_mongodb
    def hold(self, claim: Claim) -> None:
        """Extend the lease where there is nothing to report (checkpoints.py does); `LeaseLost` when it is not ours."""
        self._fence.renew(claim, {})

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
            **without_partial(),
        }
        if not keeps_audio:
            changed["gridfs_file_id"] = None
        change = answer_change(claim.ref, changed, open_entry=None)

        def together(transaction: ClientSession) -> None:
            self._fence.write(claim.ref, claim.token, change, transaction)
            self._mark_audio(claim.ref, "failed" if keeps_audio else "deleting", transaction)
            if not keeps_audio:
                remove_partial(self._transcripts, claim.ref.answer_id, transaction)

        in_transaction(self._client, together)

    @reaching_mongodb
    def complete(self, claim: Claim, transcript: Transcript, model: WhisperModel) -> None:
        """Store the transcript and mark the audio for deletion, all or nothing; `LeaseLost` for a late worker."""
        revision = next_revision(claim.ref)
        changed = {
            **_told_of(transcript),
            "transcription_status": Status.COMPLETED,
            "whisper_model": model.name,
            "demo_model": model.demo_model,
            "revision": revision,
            "transcribed_at": NOW,
            "gridfs_file_id": None,
            **without_lease(),
            **without_partial(),
        }
        kept = {f"revisions.{claim.ref.question_id}": revision.value}
        change = answer_change(claim.ref, changed, open_entry=None, **kept)

        def together(transaction: ClientSession) -> None:
            number = self._fence.write(claim.ref, claim.token, change, transaction)["revision"]
            self._mark_audio(claim.ref, "deleting", transaction)
            self._revisions.add(_heard(claim.ref, transcript), number, transaction)
            remove_partial(self._transcripts, claim.ref.answer_id, transaction)

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
                remove_partial(self._transcripts, ref.answer_id, transaction)
            return True

        return in_transaction(self._client, together)

    def _release(self, ref: AnswerRef, token: str, due: Expression, *, gives_attempt_back: bool) -> None:
        released = leased(ref).released(due, gives_attempt_back=gives_attempt_back)
        self._fence.write(ref, token, answer_change(ref, {**without_lease(), **released}, open_entry={"due": due}))

    def _mark_audio(self, ref: AnswerRef, status: str, transaction: ClientSession) -> None:
        self._files.update_one(
            {"metadata.answer_id": ref.answer_id},
            {"$set": {"metadata.status": status}, "$currentDate": {"metadata.status_at": True}},
            session=transaction,
        )


# What a session says of all its answers.
_HINTS = ("language", "task", "initial_prompt", "vocabulary")


def _queue_seconds(path: str) -> Expression:
    """How long it waited in all: since it could be taken, or since its last holder was lost."""
    since = {"$ifNull": [f"${path}.not_before", f"${path}.lease.expires_at", f"${path}.created_at"]}
    waited = {"$divide": [{"$max": [{"$subtract": ["$$NOW", since]}, 0]}, 1000]}
    # Milliseconds added up as floats would be told with all their digits.
    return Expression({"$round": [increased(f"{path}.timing.queue", waited).value, 3]})


def _claim_of(ref: AnswerRef, token: str, session: Document) -> Claim:
    answer = session["answers"][ref.question_id]
    return Claim(
        ref=ref,
        token=token,
        holder=answer["lease"]["holder"],
        file_id=answer["gridfs_file_id"],
        hints=_hints_of(answer, session),
        attempts=answer["attempts"],
        crashes=answer["crashes"],
        max_seconds=answer.get("max_seconds"),
    )


def _hints_of(answer: Document, session: Document) -> Hints:
    """What is said of one recording wins over what is said of all."""
    of_this = answer.get("language_hint")
    return Hints(
        language=session.get("language") if of_this is None else of_this,
        task=Task(session.get("task") or Task.TRANSCRIBE),
        initial_prompt=session.get("initial_prompt"),
        vocabulary=tuple(session.get("vocabulary") or ()),
    )


def _told_of(transcript: Transcript) -> dict[str, Any]:
    """What the answer itself tells; the segments are the revision's."""
    return {
        "transcript": transcript.text,
        "no_speech": transcript.no_speech,
        "language": transcript.language,
        "language_probability": transcript.language_probability,
        "duration_seconds": round(transcript.duration_seconds, 3),
        "confidence": transcript.confidence,
        "needs_review": transcript.needs_review,
        "words_per_minute": transcript.words_per_minute,
        "longest_pause_seconds": transcript.longest_pause_seconds,
        "gaps": [asdict(gap) for gap in transcript.gaps],
        **{f"timing.{stage}": seconds for stage, seconds in transcript.timing.items()},
    }


def _heard(ref: AnswerRef, transcript: Transcript) -> NewRevision:
    return NewRevision(ref, transcript.text, transcript.language, transcript.segments, transcript.low_confidence)
