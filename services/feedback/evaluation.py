"""The nouns of feedback: what is scored, and what is said of it."""

from dataclasses import dataclass

from services.models import Question


@dataclass(frozen=True, slots=True)
class SpokenAnswer:
    """What a feedback provider scores: the question, the words, and how long the person spoke (0 where it was typed).

    `longest_pause_seconds` is None where nobody knows.
    """

    question: Question
    text: str
    duration_seconds: float
    language: str | None = None
    longest_pause_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The words that a point rests on: from `start_word` to before `end_word` of the transcript's `text.split()`.

    `point` is what they are evidence of, such as a key point; None where they are of the part as a whole.
    """

    start_word: int
    end_word: int
    quote: str
    point: str | None = None


@dataclass(frozen=True, slots=True)
class FeedbackPart:
    """One aspect of a score: its name, 0–100 points, its share of the whole (0–1) and a sentence for the person.

    A part of weight 0 is shown and moves nothing.
    """

    name: str
    score: float
    weight: float
    comment: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Feedback:
    """The score of one answer, 0–100: the weighted mean of its parts."""

    score: float
    parts: tuple[FeedbackPart, ...]


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What a model read and wrote, in tokens as its provider counts them."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class Fallback:
    """Which provider should have scored, and the code of the reason why another one did."""

    provider: str
    reason: str


@dataclass(frozen=True, slots=True)
class FeedbackMetadata:
    """How a score came about; `latency_ms` is of the whole evaluation, its retries and its fallback included."""

    provider: str
    model: str | None
    latency_ms: int
    prompt_version: str | None = None
    token_usage: TokenUsage | None = None
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a feedback provider says of one answer, and how it came to that."""

    feedback: Feedback
    metadata: FeedbackMetadata
