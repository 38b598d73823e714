"""Transcripts by workers that are not ours: each holds a worker key of one owner, and sees what waits of that owner."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

import structlog

from services.answer_status import AnswerStatus, status_of
from services.audit import Audit
from services.errors import Conflict, NotFound, RecordingRejected, Unavailable
from services.models import AnswerRef, Caller, Session, Status
from services.storage.audio import AudioStore
from services.storage.outside_transcripts import OutsideTranscriptStore, Waiting, takes_transcript
from services.texts import LONGEST_TRANSCRIPT, require_storable

log = structlog.get_logger()

LONGEST_MODEL = 200


@dataclass(frozen=True, slots=True)
class WaitingPage:
    """Some answers, and the cursor of the next page (None: this was the last)."""

    answers: Sequence[Waiting]
    next: tuple[datetime, str] | None


@dataclass(frozen=True, slots=True)
class OutsideText:
    """What a worker has heard, empty where nothing was said, and the name of its model."""

    text: str
    model: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class SentAudio:
    """A recording on its way to a worker, some megabytes at a time."""

    answer_id: str
    parts: Iterator[bytes]
    length_bytes: int
    content_type: str


class OutsideTranscripts:
    """What workers of somebody else find, read and write. `when_ended` is called after each transcript.

    They claim nothing: several may work on one answer, ours among them, and the first transcript is the one.
    """

    def __init__(
        self, store: OutsideTranscriptStore, audio: AudioStore, audit: Audit, when_ended: Callable[[AnswerRef], None]
    ) -> None:
        self._store = store
        self._audio = audio
        self._audit = audit
        self._when_ended = when_ended

    def waiting(
        self, actor: Caller, status: Status, *, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> WaitingPage:
        """Answers of the actor's owner that take a transcript (queued, processing or failed), the oldest first."""
        found = self._store.waiting(actor.user_id, status, after=after, limit=limit + 1)
        page = found[:limit]
        following = (page[-1].answer["created_at"], page[-1].ref.answer_id) if len(found) > limit else None
        return WaitingPage(page, following)

    def audio(self, actor: Caller, answer_id: str) -> SentAudio:
        """A recording that waits for its transcript; that it is read is recorded. Raises `NotFound` without one.

        Its parts raise `RecordingRejected` where it is deleted while it is read.
        """
        found = self._find(actor, answer_id)
        if not takes_transcript(found.answer):
            raise _no_recording()
        self._record("recording.read", actor, found.ref)
        parts = self._audio.parts(found.answer["gridfs_file_id"])
        try:
            first = next(parts)
        except RecordingRejected:
            raise _no_recording() from None
        return SentAudio(answer_id, chain([first], parts), found.answer["bytes"], found.answer["content_type"])

    def write_by_id(self, actor: Caller, answer_id: str, heard: OutsideText) -> AnswerStatus:
        """`write` for an answer that is named by its id."""
        return self._write(actor, self._find(actor, answer_id), heard)

    def write(
        self, actor: Caller, session: Session, question_id: str, heard: OutsideText, *, answer_id: str | None = None
    ) -> AnswerStatus:
        """Complete the answer to a question with what was heard.

        Whoever names no `answer_id` writes to whichever recording is there, also to one that has come since. Again
        with the same text is no change and no error. Raises `NotFound` where there is no such answer, `Conflict` for
        one that was typed, cancelled, edited, completed otherwise, or failed without its recording; `InvalidRequest`;
        `Unavailable`.
        """
        answer = session.answers.get(question_id)
        if answer is None or answer_id not in (None, answer["id"]):
            raise _no_answer()
        ref = AnswerRef(session.id, question_id, answer["id"])
        return self._write(actor, Waiting(ref, answer, session.language), heard)

    def _write(self, actor: Caller, found: Waiting, heard: OutsideText) -> AnswerStatus:
        require_storable(heard.text, longest=LONGEST_TRANSCRIPT)
        require_storable(heard.model or "", longest=LONGEST_MODEL)
        ref, text = found.ref, heard.text
        current = self._store.answer_of(ref)
        if current is None:
            raise _no_answer()
        if _is_repeat(current, text):
            return status_of(ref.question_id, current)
        self._record("transcript.write", actor, ref)
        told = {
            "transcript": text,
            "no_speech": not text.strip(),
            "language": heard.language or found.hinted_language,
            "whisper_model": heard.model,
            "demo_model": False,
            "worker_key_id": actor.key_id,
        }
        written = self._store.write(ref, told)
        if written is None:
            return self._settled(ref, text)
        log.info("A transcript has come from outside.", answer_id=ref.answer_id, worker_key_id=actor.key_id)
        with suppress(Unavailable):
            if written.file_id is not None:
                self._audio.delete(written.file_id)
        with suppress(Unavailable):
            self._when_ended(ref)
        return status_of(ref.question_id, written.answer)

    def _settled(self, ref: AnswerRef, text: str) -> AnswerStatus:
        """Where it was not written: the same text is there already, or the reason is raised."""
        answer = self._store.answer_of(ref)
        if answer is None:
            raise _no_answer()
        if _is_repeat(answer, text):
            return status_of(ref.question_id, answer)
        raise _why_not(answer)

    def _find(self, actor: Caller, answer_id: str) -> Waiting:
        found = self._store.find(actor.user_id, answer_id)
        if found is None:
            raise _no_answer()
        return found

    def _record(self, action: str, actor: Caller, ref: AnswerRef) -> None:
        details = {"answer_id": ref.answer_id, "question_id": ref.question_id, "key_id": actor.key_id}
        self._audit.record(action, actor, session_id=ref.session_id, owner_id=actor.user_id, details=details)


def _is_repeat(answer: Mapping[str, Any], text: str) -> bool:
    is_as_written = "worker_key_id" in answer and "edited_at" not in answer
    return is_as_written and answer["transcription_status"] == Status.COMPLETED and answer["transcript"] == text


def _why_not(answer: Mapping[str, Any]) -> Conflict:
    status = Status(answer["transcription_status"])
    if status is not Status.COMPLETED:
        return Conflict(f"The answer is {status} and takes no transcript.", code=f"answer_{status}")
    if "edited_at" in answer or answer.get("kind") == "text":
        return Conflict("A person has written this text.", code="written_by_person")
    return Conflict("The answer has its transcript already.", code="already_completed")


def _no_answer() -> NotFound:
    return NotFound("There is no such answer, or it was recorded again.", code="no_answer")


def _no_recording() -> NotFound:
    return NotFound("There is no recording that waits for its transcript.", code="no_recording")
