"""Scores for what was said. `FEEDBACK_PROVIDER` decides which provider scores; for a model, a flag does too."""

from collections.abc import Callable
from typing import Protocol

from services.feedback.evaluation import Evaluation, SpokenAnswer


class FeedbackProvider(Protocol):
    """Scores one spoken answer; the same answer gets the same score from a deterministic provider."""

    @property
    def name(self) -> str: ...

    @property
    def is_instant(self) -> bool:
        """Whether it answers within the request that asks: it reaches no other machine."""
        ...

    def evaluate(self, answer: SpokenAnswer) -> Evaluation: ...


# The provider for a session, by its id: what is rolled out to a share of sessions is the same for one of them always.
ChooseProvider = Callable[[str], FeedbackProvider]
