"""A provider with another one behind it: an outage of the first is told, and holds nobody up."""

import time
from dataclasses import replace

import structlog

from services.feedback import FeedbackProvider
from services.feedback.evaluation import Evaluation, Fallback, SpokenAnswer
from services.feedback.failures import EvaluationFailed, ModelRefused
from services.log import trace_of

log = structlog.get_logger()

BROKE = "provider_broke"


class WithFallback:
    """Scores by the first provider, and where that fails by the second; the metadata says so and why."""

    def __init__(self, first: FeedbackProvider, second: FeedbackProvider) -> None:
        self.name = first.name
        self.is_instant = first.is_instant
        self._first = first
        self._second = second

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        """Raises only what the second provider raises."""
        began = time.monotonic()
        try:
            return self._first.evaluate(answer)
        except EvaluationFailed as failure:
            # A key that is refused, or a model that does not exist, is for somebody to put right.
            level = log.error if isinstance(failure, ModelRefused) else log.warning
            level("Another provider scores.", instead_of=self.name, code=failure.code, reason=failure.message)
            code = failure.code
        except Exception as error:  # noqa: BLE001 - it is logged, without what it says
            # A reply that nobody thought of is no reason to leave somebody without feedback.
            log.error("A provider broke; another one scores.", instead_of=self.name, exception=trace_of(error))
            code = BROKE
        evaluation = self._second.evaluate(answer)
        latency_ms = round(1000 * (time.monotonic() - began))
        told = replace(evaluation.metadata, latency_ms=latency_ms, fallback=Fallback(self.name, code))
        return replace(evaluation, metadata=told)
