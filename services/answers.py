"""Accepting a recorded answer: once this has returned, the answer survives whatever happens to us."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_hex
from typing import Any

import structlog

from services.answer_status import AnswerStatus, status_of
from services.errors import InvalidRequest, NotFound, Unavailable
from services.features import require_audio
from services.jobs import JobQueue
from services.models import AnswerRef, Recording, Session
from services.storage.acceptance import AcceptanceStore, Accepted
from services.storage.audio import AudioStore
from services.storage.sessions import document_without_link
from services.storage.uploads import UploadStore
from services.storage.usage import UsageStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the client may rely on: these bytes with this SHA-256 are stored as this answer.

    `is_repeat`: they were before, and nothing was changed.
    """

    answer_id: str
    file_id: str
    bytes: int
    sha256: str
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording whose bytes are stored and belong to no answer yet, with what the client said about it."""

    file_id: str
    bytes: int
    sha256: str
    content_type: str
    language: str | None = None
    declared_duration_ms: int | None = None
    object_key: str | None = None


class Answers:
    """Takes recordings in and says where they stand."""

    def __init__(
        self, uploads: UploadStore, acceptance: AcceptanceStore, audio: AudioStore, usage: UsageStore, jobs: JobQueue
    ) -> None:
        self._usage = usage
        self._uploads = uploads
        self._acceptance = acceptance
        self._audio = audio
        self._jobs = jobs

    def accept(
        self, session: Session, question_id: str, recording: Recording, user_id: str, *, key: str | None = None
    ) -> Receipt:
        """Store a recording as the queued answer to a question; a new one takes the place of an older one.

        With a `key` this happens once, however often it is called with it: the answer's id is made from it. Raises
        `Forbidden` where the session takes no recordings, `NotFound` when it or the question is gone, `InvalidRequest`
        when the key came with another recording or said something else about it, and `Unavailable` when the database
        does not answer.
        """
        require_audio(session)
        ref = AnswerRef(session.id, question_id, answer_id_of(session.id, question_id, key))
        accepted = self._store(ref, recording, session, user_id, once=key is not None)
        _require_the_same(
            accepted, (recording.sha256, recording.language or session.language, recording.declared_duration_ms)
        )
        return self._acknowledged(ref, accepted, session.owner_id)

    def is_accepted(self, session_id: str, question_id: str, key: str) -> bool:
        """Whether a recording has come with this key."""
        return self._acceptance.has_receipt(answer_id_of(session_id, question_id, key))

    def accept_stored(self, session: Session, ref: AnswerRef, recording: StoredRecording, user_id: str) -> Receipt:
        """The same for a recording whose bytes are stored already; this happens once, however often it is called.

        Raises `UploadLost` when the bytes have been collected, and `NotFound` and `Unavailable` as `accept`.
        """
        require_audio(session)
        accepted = self._acceptance.accept(ref, _document(recording, session, user_id), once=True)
        return self._acknowledged(ref, accepted, session.owner_id)

    def accept_with_session(
        self, session: Session, ref: AnswerRef, recording: StoredRecording, *, once: bool, max_seconds: int
    ) -> Receipt:
        """The same for the one answer of a session that is made with it, all or nothing.

        Raises `InvalidRequest` when its key came with another recording, `UploadLost`, and `Unavailable`.
        """
        document = {**_document(recording, session, session.owner_id), "max_seconds": max_seconds}
        accepted = self._acceptance.accept(ref, document, once=once, new_session=document_without_link(session))
        _require_the_same(accepted, (recording.sha256, document["language_hint"], recording.declared_duration_ms))
        return self._acknowledged(ref, accepted, session.owner_id)

    def status(self, session: Session, question_id: str) -> AnswerStatus:
        """Where one answer stands; raises `NotFound` when there is no such question, or no answer to it yet."""
        self.require_question(session, question_id)
        answer = session.answers.get(question_id)
        if answer is None:
            raise NotFound("There is no answer to this question yet.", code="no_answer")
        return status_of(question_id, answer)

    def require_question(self, session: Session, question_id: str) -> None:
        """Raise `NotFound` unless the session asks this question."""
        if all(question.id != question_id for question in session.questions):
            raise NotFound("The session has no such question.", code="no_such_question")

    def _store(self, ref: AnswerRef, recording: Recording, session: Session, user_id: str, *, once: bool) -> Accepted:
        file_id = self._uploads.store(ref, recording.content)
        stored = StoredRecording(
            file_id,
            len(recording.content),
            recording.sha256,
            recording.content_type,
            recording.language,
            recording.declared_duration_ms,
        )
        try:
            accepted = self._acceptance.accept(ref, _document(stored, session, user_id), once=once)
        except BaseException:
            self._abandon(file_id)
            raise
        if accepted.is_repeat:
            self._abandon(file_id)
        return accepted

    def _acknowledged(self, ref: AnswerRef, accepted: Accepted, owner_id: str) -> Receipt:
        if not accepted.is_repeat:
            log.info("A recording was accepted.", **_facts(ref), bytes=accepted.bytes)
            self._after_acceptance(ref, accepted, owner_id)
        return Receipt(ref.answer_id, accepted.file_id, accepted.bytes, accepted.sha256, accepted.is_repeat)

    def _abandon(self, file_id: str) -> None:
        """Best effort: the sweep finds what is left by the upload's marker."""
        with suppress(Unavailable):
            self._uploads.abandon(file_id)

    def _after_acceptance(self, ref: AnswerRef, accepted: Accepted, owner_id: str) -> None:
        """Best effort: the answer is stored, and what fails here the sweep makes good."""
        try:
            self._jobs.transcribe_answer(ref)
        except Unavailable as error:
            log.warning(
                "The queue could not be reached; the sweep sends the answer.", error=error.message, **_facts(ref)
            )
        try:
            self._usage.count_bytes(owner_id, accepted.bytes)
            if accepted.replaced_file_id is not None:
                self._audio.delete(accepted.replaced_file_id)
        except Unavailable:
            log.warning("A recording was not counted, or a replaced one left for the sweep.", **_facts(ref))


def answer_id_of(session_id: str, question_id: str, key: str | None) -> str:
    """A fresh one, or with a key always the same one: what else would tell a repeat after a crash from a new take?"""
    if key is None:
        return token_hex(12)
    return sha256("\0".join((session_id, question_id, key)).encode()).hexdigest()[:24]


def _require_the_same(accepted: Accepted, said: tuple[str, str | None, int | None]) -> None:
    """Raise `InvalidRequest` where a key came with something else before."""
    if said != (accepted.sha256, accepted.language_hint, accepted.declared_duration_ms):
        raise InvalidRequest("This key came with another request before.", code="idempotency_key_reused")


def _document(recording: StoredRecording, session: Session, user_id: str) -> dict[str, Any]:
    return {
        "user_id": user_id,
        "gridfs_file_id": recording.file_id,
        "bytes": recording.bytes,
        "sha256": recording.sha256,
        "content_type": recording.content_type,
        "language_hint": recording.language or session.language,
        "declared_duration_ms": recording.declared_duration_ms,
        **({} if recording.object_key is None else {"object_key": recording.object_key}),
        # What leads from the answer to the log of its upload.
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }


def _facts(ref: AnswerRef) -> dict[str, str]:
    return {"session_id": ref.session_id, "question_id": ref.question_id, "answer_id": ref.answer_id}
