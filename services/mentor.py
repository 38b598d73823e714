"""An interview as mentors' clients know it: its stages are the positions of its questions, from 1.

Their three words for an answer: `pending` until there is a transcript, also where there will be none without a person
(then an error says why), `transcribed`, and `submitted` once the interview was, too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from services.answer_status import AnswerStatus, status_of
from services.errors import InvalidRequest, NotFound
from services.models import Question, Session, Status

# In these letters in the clients' own reviews; who would save it as an answer has not read it.
PLACEHOLDER = "Pending transcription..."
_CANCELLED = {"code": "cancelled", "message": "The transcription was cancelled."}


class MentorStatus(StrEnum):
    """Where an answer stands, in the words of mentors' clients."""

    PENDING = "pending"
    TRANSCRIBED = "transcribed"
    SUBMITTED = "submitted"


@dataclass(frozen=True, slots=True)
class Stage:
    """One question of an interview with the answer to it; None where there is none yet."""

    stage_id: int
    question: Question
    answer: AnswerStatus | None
    is_submitted: bool

    @property
    def status(self) -> MentorStatus | None:
        if self.answer is None:
            return None
        return mentor_status_of(self.answer, is_submitted=self.is_submitted)

    @property
    def error(self) -> Mapping[str, str] | None:
        """Why there is no transcript, and will be none until somebody does something."""
        return None if self.answer is None else error_of(self.answer)

    def require_answer(self) -> AnswerStatus:
        """Raises `NotFound` where there is none yet."""
        if self.answer is None:
            raise NotFound("This stage was not answered yet.", code="no_answer")
        return self.answer

    @property
    def is_waited_for(self) -> bool:
        """Whether a transcript is still to come by itself."""
        return self.answer is not None and not self.answer.status.is_terminal

    @property
    def response_text(self) -> str | None:
        """The transcript, empty where nothing was said; None before there is one."""
        return None if self.answer is None else self.answer.transcript

    @property
    def review_text(self) -> str | None:
        """What stands in a review: also where there is no transcript, a text that says so."""
        if self.answer is None or self.answer.transcript is not None:
            return self.response_text
        return PLACEHOLDER if self.error is None else self.error["message"]

    @property
    def duration_ms(self) -> int | None:
        """As its sender said it, else as it was heard; None for a typed answer."""
        if self.answer is None:
            return None
        if self.answer.declared_duration_ms is not None or self.answer.duration_seconds is None:
            return self.answer.declared_duration_ms
        return round(self.answer.duration_seconds * 1000)

    @property
    def object_key(self) -> str | None:
        """What the recording was called when it was uploaded, while it is kept."""
        return self.answer.object_key if self.answer is not None and self.answer.has_recording else None


def mentor_status_of(answer: AnswerStatus, *, is_submitted: bool) -> MentorStatus:
    if answer.status is not Status.COMPLETED:
        return MentorStatus.PENDING
    return MentorStatus.SUBMITTED if is_submitted else MentorStatus.TRANSCRIBED


def error_of(answer: AnswerStatus) -> Mapping[str, str] | None:
    return _CANCELLED if answer.status is Status.CANCELLED else answer.error


def stages_of(session: Session) -> list[Stage]:
    """Every stage in order, answered or not."""
    return [_stage(session, number, question) for number, question in enumerate(session.questions, 1)]


def stage_of(session: Session, stage_id: int) -> Stage:
    """Raises `NotFound` for a number that no question has."""
    if not 1 <= stage_id <= len(session.questions):
        raise NotFound("The interview has no such stage.", code="no_such_stage")
    return _stage(session, stage_id, session.questions[stage_id - 1])


def require_no_placeholder(text: str) -> None:
    """Raise `InvalidRequest` for the placeholder: a client that sends all of its fields means no answer by it."""
    if text.strip() == PLACEHOLDER:
        raise InvalidRequest("This is the placeholder of an answer, and no answer.", code="placeholder_text")


def _stage(session: Session, stage_id: int, question: Question) -> Stage:
    answer = session.answers.get(question.id)
    found = None if answer is None else status_of(question.id, answer)
    return Stage(stage_id, question, found, session.submitted_at is not None)
