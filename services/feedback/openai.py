"""Feedback by a model behind any OpenAI-compatible chat endpoint.

It judges what was said, in parts that are fixed here; how it was said is told by the rules (`delivery.py`), as without
a model. What it says is checked before it counts: shape and range (`schema.py`), quotes (`quotes.py`), and that it does
not repeat what only it may read (`prompt.py`).
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.circuit_breaker import CircuitBreaker
from services.errors import Unavailable
from services.feedback.chat import ChatEndpoint, ChatReply
from services.feedback.deadline import Deadline
from services.feedback.delivery import delivery
from services.feedback.evaluation import Evaluation, FeedbackMetadata, SpokenAnswer, TokenUsage
from services.feedback.failures import ModelRefused, ModelUnavailable, OutputInvalid
from services.feedback.parts import feedback_of, nothing_said, weights_of
from services.feedback.prompt import PROMPT_VERSION, leaks, messages, response_format
from services.feedback.quotes import Quotes
from services.feedback.retrying import trying
from services.feedback.scale import Finding, shortened
from services.feedback.schema import LONGEST_COMMENT, read_judgement
from services.feedback.words import ReadText, read

log = structlog.get_logger()

# Together as much as what the rules judge of the content (`parts.CONTENT_SHARE`).
CONTENT_WEIGHTS = {"coverage": 0.24, "relevance": 0.12, "specificity": 0.10, "structure": 0.06}
# Two hours of speech; a model would be paid for reading more.
LONGEST_TRANSCRIPT = 120_000
FAILURES_BEFORE_REST = 5
REST_SECONDS = 30.0


@dataclass(slots=True)
class _Spent:
    """What one evaluation has taken so far, useless replies included."""

    model: str
    usage: TokenUsage | None = None
    began: float = field(default_factory=time.monotonic)

    def add(self, reply: ChatReply) -> None:
        self.model = reply.model or self.model
        if reply.usage is not None:
            before = self.usage or TokenUsage(0, 0)
            self.usage = TokenUsage(
                before.prompt_tokens + reply.usage.prompt_tokens,
                before.completion_tokens + reply.usage.completion_tokens,
            )

    def metadata(self, name: str) -> FeedbackMetadata:
        latency_ms = round(1000 * (time.monotonic() - self.began))
        return FeedbackMetadata(name, self.model, latency_ms, PROMPT_VERSION, self.usage)


class OpenAICompatibleFeedback:
    """Scores by a model; raises `EvaluationFailed` where it gives no score. Thread-safe."""

    name = "openai"
    is_instant = False

    def __init__(self, endpoint: ChatEndpoint, *, timeout_seconds: float, scores_delivery: bool = False) -> None:
        self._endpoint = endpoint
        self._timeout_seconds = timeout_seconds
        self._weights = weights_of(CONTENT_WEIGHTS, scores_delivery=scores_delivery)
        self._breaker = CircuitBreaker("feedback model", failures=FAILURES_BEFORE_REST, reset_seconds=REST_SECONDS)
        # Of `_forms`: the first one that this endpoint has taken.
        self._form = 0

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        """Score one answer within the time-out, all tries included."""
        spent, text = _Spent(self._endpoint.model), read(answer.text)
        if not text.words:
            return Evaluation(nothing_said(), spent.metadata(self.name))
        if len(answer.text) > LONGEST_TRANSCRIPT:
            raise ModelRefused("The transcript is too long for a model.", code="too_long")
        deadline = Deadline(self._timeout_seconds)
        judged = trying(lambda: self._judged(answer, text, spent, deadline), deadline)
        feedback = feedback_of(text, {**judged, **delivery(answer, text)}, self._weights)
        return Evaluation(feedback, spent.metadata(self.name))

    def _judged(self, answer: SpokenAnswer, text: ReadText, spent: _Spent, deadline: Deadline) -> Mapping[str, Finding]:
        has_reference = bool(answer.question.key_points or answer.question.model_answer)
        names = [name for name in CONTENT_WEIGHTS if has_reference or name != "coverage"]
        reply = self._asked(answer, names, deadline)
        spent.add(reply)
        judgement = read_judgement(reply.text, names)
        comments = [judgement[name]["comment"] for name in names]
        if leaks(comments, answer, names):
            raise OutputInvalid("The model's comments repeat what it was told.", code="leaked_prompt")
        if any("://" in comment or "www." in comment.casefold() for comment in comments):
            raise OutputInvalid("The model's comments hold an address.", code="held_an_address")
        return _findings(judgement, text)

    def _asked(self, answer: SpokenAnswer, names: list[str], deadline: Deadline) -> ChatReply:
        """In the first form that the endpoint takes: some know no schemas, some no temperature."""
        asked, forms = messages(answer, names), _forms(names)
        for place in range(self._form, len(forms)):
            try:
                reply = self._call(asked, forms[place], deadline)
            except ModelRefused as refusal:
                if not refusal.is_about_request or place == len(forms) - 1:
                    raise
            else:
                self._form = place
                return reply
        raise ModelRefused("The model's server takes no form of request.")

    def _call(self, asked: Any, form: Mapping[str, Any], deadline: Deadline) -> ChatReply:
        """Through the breaker, which counts only what says that the server is away."""

        def call() -> ChatReply | ModelRefused | OutputInvalid:
            try:
                return self._endpoint.ask(asked, form, deadline)
            except (ModelRefused, OutputInvalid) as answered:
                return answered

        try:
            found = self._breaker.call(call)
        except Unavailable as error:
            raise ModelUnavailable(
                "The model is left alone for a while.",
                code="left_alone",
                retry_after_seconds=error.retry_after_seconds,
            ) from None
        if not isinstance(found, ChatReply):
            raise found
        return found


def _forms(names: list[str]) -> list[Mapping[str, Any]]:
    schema, any_json = response_format(names), {"type": "json_object"}
    return [
        {"response_format": schema, "temperature": 0},
        {"response_format": schema},
        {"response_format": any_json, "temperature": 0},
        {"response_format": any_json},
    ]


def _findings(judgement: Mapping[str, Any], text: ReadText) -> Mapping[str, Finding]:
    """A quote that is not in the transcript is dropped; raises `OutputInvalid` where none of them is."""
    quotes, findings = Quotes(text), {}
    for name, part in judgement.items():
        spots = tuple(spot for quote in part["quotes"] if (spot := quotes.find(quote)) is not None)
        comment = shortened(part["comment"], LONGEST_COMMENT)
        if not comment:
            raise OutputInvalid("A comment holds nothing that can be read.")
        findings[name] = Finding(float(part["score"]), comment, spots)
    if any(found.score for found in findings.values()) and not any(found.spots for found in findings.values()):
        raise OutputInvalid("The model's scores rest on nothing that was said.", code="no_evidence")
    return findings
