"""The nouns of the product. Every duration is in seconds and every time is aware UTC, unless a name says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Where an answer stands; the words clients see (docs: the state machine of an answer)."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        return self not in (Status.QUEUED, Status.PROCESSING)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; `start` and `end` count seconds from the beginning of the recording."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one recording. `no_speech` is true when nothing was said, and `text` is then empty."""

    text: str
    segments: tuple[Segment, ...]
    language: str | None
    duration_seconds: float
    no_speech: bool = False


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """Which model hears: the hub id or directory, and whether it is the bundled demo model."""

    name: str
    demo_model: bool


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    prompt: str
    model_answer: str | None = None
    key_points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """What a feedback provider scores: the question, the words, and how long the person spoke."""

    question: Question
    text: str
    duration_seconds: float


@dataclass(frozen=True, slots=True)
class FeedbackPart:
    """One aspect of a score: its name, 0–100 points, its share of the whole (0–1) and a sentence for the person."""

    name: str
    score: float
    weight: float
    comment: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """The score of one answer, 0–100: the weighted mean of its parts."""

    score: float
    parts: tuple[FeedbackPart, ...]


@dataclass(frozen=True, slots=True)
class AnswerRef:
    """The one recorded reply that a piece of work is about: a new recording is a new `answer_id`."""

    session_id: str
    question_id: str
    answer_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on an answer until its lease runs out; every later write must carry `token`."""

    ref: AnswerRef
    token: str
    holder: str
    file_id: str
    language: str | None
    attempts: int
    crashes: int


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person with a bearer token, or (with `session_id` set) the holder of one session's link."""

    user_id: str
    role: str = "user"
    session_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """The bytes of one answer as received, with what the client said about them."""

    content: bytes = field(repr=False)
    content_type: str
    sha256: str
    language: str | None = None
    declared_duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """An interview as stored; `answers` maps question ids to answer documents (field names: ADR 007)."""

    id: str
    owner_id: str
    questions: tuple[Question, ...]
    answers: Mapping[str, Mapping[str, Any]]
    seq: int
    created_at: datetime
    language: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    analysis: Mapping[str, Any] | None = None
