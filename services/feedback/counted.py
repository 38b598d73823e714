"""A provider whose evaluations are counted: how long they took, which failed, and where another one stood in."""

import time

from services.counting import Count, failed, took
from services.feedback import FeedbackProvider
from services.feedback.evaluation import Evaluation, SpokenAnswer
from services.feedback.failures import EvaluationFailed
from services.feedback.parts import nothing_said

KIND = "feedback"


class Counted:
    """As the provider that it counts for; what nobody said is scored by nobody and not counted."""

    def __init__(self, provider: FeedbackProvider, count: Count) -> None:
        self.name = provider.name
        self.is_instant = provider.is_instant
        self._provider = provider
        self._count = count

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        began = time.monotonic()
        try:
            evaluation = self._provider.evaluate(answer)
        except EvaluationFailed as failure:
            self._count(KIND, self.name, failed(failure.code))
            raise
        if evaluation.feedback == nothing_said():
            return evaluation
        told = evaluation.metadata
        self._count(KIND, told.provider, took(time.monotonic() - began))
        if told.fallback is not None:
            reason = told.fallback.reason
            self._count(KIND, told.fallback.provider, {**failed(reason), **failed(reason, "fallbacks")})
        return evaluation
