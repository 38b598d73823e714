"""Accepting a recorded answer: once this has returned, the answer survives whatever happens to us."""

from dataclasses import dataclass, replace
from secrets import token_hex

import structlog

from services.answer_status import AnswerStatus, status_of
from services.errors import NotFound, Unavailable
from services.jobs import JobQueue
from services.models import AnswerRef, Recording, Session
from services.storage.acceptance import AcceptanceStore
from services.storage.audio import AudioStore

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the client may rely on: these bytes with this SHA-256 are stored as this answer."""

    answer_id: str
    file_id: str
    bytes: int
    sha256: str


class Answers:
    """Takes recordings in and says where they stand."""

    def __init__(self, acceptance: AcceptanceStore, audio: AudioStore, jobs: JobQueue) -> None:
        self._acceptance = acceptance
        self._audio = audio
        self._jobs = jobs

    def accept(self, session: Session, question_id: str, recording: Recording, user_id: str) -> Receipt:
        """Store a recording as the queued answer to a question; a new one takes the place of an older one.

        Raises `NotFound` when the session or the question is gone, and `Unavailable` when the database does not answer.
        """
        ref = AnswerRef(session.id, question_id, token_hex(12))
        file_id = self._audio.save(recording, ref, user_id)
        recording = replace(recording, language=recording.language or session.language)
        replaced_file_id = self._queue(ref, recording, file_id, user_id)
        log.info("A recording was accepted.", **_facts(ref), bytes=len(recording.content))
        self._after_acceptance(ref, replaced_file_id)
        return Receipt(ref.answer_id, file_id, len(recording.content), recording.sha256)

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

    def _queue(self, ref: AnswerRef, recording: Recording, file_id: str, user_id: str) -> str | None:
        answer = {
            "user_id": user_id,
            "gridfs_file_id": file_id,
            "bytes": len(recording.content),
            "sha256": recording.sha256,
            "content_type": recording.content_type,
            "language_hint": recording.language,
            "declared_duration_ms": recording.declared_duration_ms,
        }
        # When this raises, the write may have happened all the same: the file stays, and the cleanup removes it if
        # no answer refers to it.
        replaced = self._acceptance.accept(ref, answer)
        if replaced is None:
            self._audio.delete(file_id)
            raise NotFound("The session or the question is gone.")
        file_id_before: str | None = replaced.get("gridfs_file_id")
        return file_id_before

    def _after_acceptance(self, ref: AnswerRef, replaced_file_id: str | None) -> None:
        """Best effort: the answer is stored, and what fails here the sweep and the cleanup make good."""
        try:
            self._jobs.transcribe_answer(ref)
        except Unavailable as error:
            log.warning(
                "The queue could not be reached; the sweep sends the answer.", error=error.message, **_facts(ref)
            )
        if replaced_file_id is not None:
            try:
                self._audio.delete(replaced_file_id)
            except Unavailable:
                log.warning("A replaced recording was left for the cleanup.", **_facts(ref))


def _facts(ref: AnswerRef) -> dict[str, str]:
    return {"session_id": ref.session_id, "question_id": ref.question_id, "answer_id": ref.answer_id}
