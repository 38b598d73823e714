"""What people see of an answer: the same words in status replies, live snapshots and live changes."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from services.models import Gap, Session, Status

# Clocks of browsers and rounding containers differ by less.
MISSING_SECONDS = 1
MISSING_SHARE = 0.05
# What lists and live messages tell of the text so far.
SHORT_CHARACTERS = 2_000
_FIGURES = ("language_probability", "confidence", "words_per_minute", "longest_pause_seconds", "timing")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a transcription is. `windows_total` is None until the recording is decoded; `percent` is 0–100."""

    stage: str
    windows_done: int
    windows_total: int | None

    @property
    def percent(self) -> int:
        return round(100 * self.windows_done / self.windows_total) if self.windows_total else 0


@dataclass(frozen=True, slots=True)
class AnswerStatus:
    """An answer as its own document tells it; `error` is `{code, message}`, safe to show, `kind` "audio" or "text".

    `partial_transcript` is what was heard so far while an answer is open; the figures of a transcript are explained at
    `Transcript`, and `timing` is in seconds by stage.
    """

    question_id: str
    answer_id: str
    status: Status
    created_at: datetime | None = None
    transcript: str | None = None
    no_speech: bool | None = None
    language: str | None = None
    duration_seconds: float | None = None
    error: Mapping[str, str] | None = None
    progress: Progress | None = None
    started_at: datetime | None = None
    transcribed_at: datetime | None = None
    whisper_model: str | None = None
    demo_model: bool | None = None
    score: float | None = None
    feedback: list[Mapping[str, Any]] | None = None
    declared_duration_ms: int | None = None
    revision: int | None = None
    has_recording: bool = False
    partial_transcript: str | None = None
    language_probability: float | None = None
    confidence: float | None = None
    needs_review: bool | None = None
    words_per_minute: float | None = None
    longest_pause_seconds: float | None = None
    gaps: tuple[Gap, ...] = ()
    timing: Mapping[str, float] | None = None
    kind: str = "audio"
    object_key: str | None = None

    @property
    def can_retry(self) -> bool:
        """Whether it can be tried again without a new recording."""
        return self.status in (Status.FAILED, Status.CANCELLED) and self.has_recording

    @property
    def recording_incomplete(self) -> bool | None:
        """Whether clearly less could be heard than its sender says there was; None where that is not known."""
        if self.duration_seconds is None or self.declared_duration_ms is None:
            return None
        declared_seconds = self.declared_duration_ms / 1000
        missing_seconds = declared_seconds - self.duration_seconds
        return missing_seconds > max(MISSING_SECONDS, MISSING_SHARE * declared_seconds)

    @property
    def percent(self) -> int:
        """Of its windows; a transcript that is there is all of it."""
        if self.status is Status.COMPLETED:
            return 100
        return self.progress.percent if self.progress else 0

    @property
    def eta_seconds(self) -> float | None:
        """Seconds until the transcript at the pace so far; None until a first window is done."""
        if self.progress is None or self.started_at is None or not self.progress.windows_total:
            return None
        done, total = self.progress.windows_done, self.progress.windows_total
        if done == 0:
            return None
        spent = (datetime.now(UTC) - self.started_at).total_seconds()
        return round(max(spent, 0.0) / done * (total - done), 1)


def status_of(question_id: str, answer: Mapping[str, Any]) -> AnswerStatus:
    """Read an answer document."""
    progress = answer.get("progress")
    return AnswerStatus(
        question_id=question_id,
        answer_id=answer["id"],
        status=Status(answer["transcription_status"]),
        created_at=answer.get("created_at"),
        transcript=answer.get("transcript"),
        no_speech=answer.get("no_speech"),
        language=answer.get("language"),
        duration_seconds=answer.get("duration_seconds"),
        error=answer.get("transcription_error"),
        progress=Progress(progress["stage"], progress["windows_done"], progress["windows_total"]) if progress else None,
        started_at=answer.get("started_at"),
        transcribed_at=answer.get("transcribed_at"),
        whisper_model=answer.get("whisper_model"),
        demo_model=answer.get("demo_model"),
        score=answer.get("score"),
        feedback=answer.get("feedback"),
        declared_duration_ms=answer.get("declared_duration_ms"),
        revision=answer.get("revision"),
        has_recording=answer.get("gridfs_file_id") is not None,
        partial_transcript=_text_so_far(answer.get("partial_texts")),
        needs_review=_needs_review(answer),
        gaps=tuple(Gap(**gap) for gap in answer.get("gaps", ())),
        kind=answer.get("kind", "audio"),
        object_key=answer.get("object_key"),
        **{name: answer.get(name) for name in _FIGURES},
    )


def _text_so_far(texts: Mapping[str, str] | None) -> str | None:
    """In the order of the windows, whichever was heard first; what was not heard yet is left out."""
    return " ".join(texts[index] for index in sorted(texts, key=int)) if texts else None


def _needs_review(answer: Mapping[str, Any]) -> bool | None:
    """Whoever has edited a text has looked at it."""
    return False if "edited_at" in answer else answer.get("needs_review")


def in_short(status: AnswerStatus) -> AnswerStatus:
    """The same with the end of the text so far: two hours of it with each of 250 windows would be 20 MB."""
    text = status.partial_transcript
    if text is None or len(text) <= SHORT_CHARACTERS:
        return status
    return replace(status, partial_transcript=text[-SHORT_CHARACTERS:])


def statuses_of(session: Session) -> list[AnswerStatus]:
    """Every answer there is, in the order of the questions; of the text so far its end."""
    return [
        in_short(status_of(question.id, session.answers[question.id]))
        for question in session.questions
        if question.id in session.answers
    ]


def summary_of(answers: Iterable[AnswerStatus]) -> dict[str, int]:
    """How many there are, and how many of them stand where."""
    return summary_of_statuses(answer.status for answer in answers)


def summary_of_statuses(statuses: Iterable[Status]) -> dict[str, int]:
    """The same, where no more is known of them."""
    counts = Counter(map(str, statuses))
    return {"total": counts.total(), **{str(status): counts[str(status)] for status in Status}}
