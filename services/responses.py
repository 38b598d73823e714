"""Answers as responses: what was said or typed, how good a transcript it is, and the recording that it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.answer_status import AnswerStatus, status_of
from services.models import Session, Status

# The words in which clients of responses follow a recording, for ours.
STATES = {
    Status.QUEUED: "uploaded",
    Status.PROCESSING: "transcribing",
    Status.COMPLETED: "ready",
    Status.FAILED: "failed",
    Status.CANCELLED: "failed",
}


@dataclass(frozen=True, slots=True)
class ResponseAudio:
    """A recording as received. `file_id` is None once it is deleted; the duration is as heard, else as declared."""

    file_id: str | None
    bytes: int
    sha256: str
    content_type: str
    duration_ms: int | None


@dataclass(frozen=True, slots=True)
class Response:
    """One response. `audio` is None where it was typed, `transcript` also until something was heard."""

    answer: AnswerStatus
    edited: bool
    attempts: int
    audio: ResponseAudio | None

    @property
    def type(self) -> str:
        return "text" if self.answer.kind == "text" else "audio_transcript"

    @property
    def state(self) -> str:
        return STATES[self.answer.status]

    @property
    def transcript(self) -> AnswerStatus | None:
        """The figures of what was heard."""
        is_heard = self.audio is not None and self.answer.status is Status.COMPLETED
        return self.answer if is_heard else None


def response_to(session: Session, question_id: str) -> Response | None:
    """The response to a question; None where there is none yet."""
    answer = session.answers.get(question_id)
    return None if answer is None else _response(question_id, answer)


def responses_of(session: Session) -> list[Response]:
    """Every response there is, in the order of the questions."""
    found = (response_to(session, question.id) for question in session.questions)
    return [each for each in found if each is not None]


def _response(question_id: str, answer: Mapping[str, Any]) -> Response:
    status = status_of(question_id, answer)
    audio = None if status.kind == "text" else _audio(status, answer)
    return Response(status, "edited_at" in answer, answer.get("attempts", 0), audio)


def _audio(status: AnswerStatus, answer: Mapping[str, Any]) -> ResponseAudio:
    heard, declared = status.duration_seconds, status.declared_duration_ms
    duration_ms = declared if heard is None else round(1000 * heard)
    return ResponseAudio(
        answer.get("gridfs_file_id"), answer["bytes"], answer["sha256"], answer["content_type"], duration_ms
    )
