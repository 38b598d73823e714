"""The nouns of the product. Every duration is in seconds and every time is aware UTC, unless a name says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

# What a session is: an interview, or one recording without one (services/transcription_jobs.py).
INTERVIEW, JOB = "interview", "job"


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
class Span:
    """A stretch of a recording, in seconds from its beginning."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Word:
    """One word as it was spoken; `start` and `end` as in `Segment`, `probability` (0–1) as the model gives it."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; `start` and `end` count seconds from the beginning of the recording.

    `avg_logprob` is the mean natural log probability of its tokens, `no_speech_prob` (0–1) and `temperature` are of the
    try that it comes from, `compression_ratio` is that of its text by zlib.
    """

    start: float
    end: float
    text: str
    avg_logprob: float = 0.0
    no_speech_prob: float = 0.0
    compression_ratio: float = 0.0
    temperature: float = 0.0
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch that could not be heard, and the code of the reason; the rest of the recording was."""

    start: float
    end: float
    code: str


class Task(StrEnum):
    """What becomes of speech: text in its own language, or in English."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"


@dataclass(frozen=True, slots=True)
class Hints:
    """What is known before anything is heard.

    `language` is an ISO 639-1 code, or None to detect it; `initial_prompt` is text that may have come before, and
    `vocabulary` names and terms that may come.
    """

    language: str | None = None
    task: Task = Task.TRANSCRIBE
    initial_prompt: str | None = None
    vocabulary: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """How a recording is heard: how long it is, where somebody speaks, and the windows that together hold all of that.

    Windows are in order, do not overlap, and are as long as a model hears at once at most; what lies between them is
    skipped. `gain` is what the samples are multiplied by to be of even loudness.
    """

    duration_seconds: float
    speech: tuple[Span, ...]
    windows: tuple[Span, ...]
    gain: float = 1.0


@dataclass(frozen=True, slots=True)
class HeardWindow:
    """What was heard in one window, with times in the recording; how long each stage of it took, in seconds."""

    segments: tuple[Segment, ...]
    language: str | None = None
    language_probability: float | None = None
    timing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A few words in a row, and when they were spoken."""

    start: float
    end: float
    text: str


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in one recording. `no_speech` is true when nothing was said, and `text` is then empty.

    How sure that is: `confidence` (0-1), `low_confidence`, `needs_review` (services/certainty.py). How it was spoken:
    `words_per_minute`, `longest_pause_seconds` (services/pace.py). `gaps` are in none of it. `timing` is in seconds.
    """

    text: str
    segments: tuple[Segment, ...]
    language: str | None
    duration_seconds: float
    no_speech: bool = False
    language_probability: float | None = None
    gaps: tuple[Gap, ...] = ()
    confidence: float | None = None
    low_confidence: tuple[Passage, ...] = ()
    needs_review: bool = False
    words_per_minute: float | None = None
    longest_pause_seconds: float | None = None
    timing: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhisperModel:
    """Which model hears: the hub id or directory, its revision, and whether it is the bundled demo model."""

    name: str
    demo_model: bool
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    prompt: str
    model_answer: str | None = None
    key_points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerRef:
    """The one recorded reply that a piece of work is about: a new recording is a new `answer_id`."""

    session_id: str
    question_id: str
    answer_id: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to work on an answer until its lease runs out; every later write must carry `token`.

    `max_seconds` is how long its recording may be, where it was taken in with a limit of its own.
    """

    ref: AnswerRef
    token: str
    holder: str
    file_id: str
    hints: Hints
    attempts: int
    crashes: int
    max_seconds: int | None = None


# The role of worker keys; people are "user" or "admin".
WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a person with a bearer token, or (with `session_id` set) the holder of one session's link.

    With the role "worker" it is whoever holds the worker key `key_id` of the owner `user_id`.
    """

    user_id: str
    role: str = "user"
    session_id: str | None = None
    key_id: str | None = None


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
    kind: str = INTERVIEW
    task: Task = Task.TRANSCRIBE
    initial_prompt: str | None = None
    vocabulary: tuple[str, ...] = ()
    submitted_at: datetime | None = None
