"""Scores for what was said. Which provider scores is decided at start by `FEEDBACK_PROVIDER`."""

from typing import Protocol

from services.models import Feedback, SpokenAnswer


class FeedbackProvider(Protocol):
    """Scores one spoken answer; the same answer gets the same score from a deterministic provider."""

    @property
    def name(self) -> str: ...

    def score(self, answer: SpokenAnswer) -> Feedback: ...
