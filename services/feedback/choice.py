"""Which provider scores a session: what `FEEDBACK_PROVIDER` says, and of a model also its flag."""

from config import Settings
from services.counting import Count, uncounted
from services.feedback import ChooseProvider, FeedbackProvider
from services.feedback.counted import Counted
from services.feedback.fallback import WithFallback
from services.feedback.rule_based import RuleBasedFeedback
from services.flags import Flags

LLM_FLAG = "llm_feedback"


def choose_provider(settings: Settings, flags: Flags, count: Count = uncounted) -> ChooseProvider:
    """The provider for a session, by its id: the same for one session while its flag stays as it is or rises."""
    rules = RuleBasedFeedback(scores_delivery=settings.score_delivery)
    by_rules = Counted(rules, count)
    if settings.feedback_provider == "rule_based":
        return lambda session_id: by_rules
    by_model = Counted(WithFallback(_model(settings), rules), count)
    return lambda session_id: by_model if flags.is_on(LLM_FLAG, session_id) else by_rules


def _model(settings: Settings) -> FeedbackProvider:
    # Loaded only where it is chosen.
    from services.feedback.chat import ChatEndpoint  # noqa: PLC0415
    from services.feedback.openai import OpenAICompatibleFeedback  # noqa: PLC0415

    key, model = settings.feedback_llm_key, settings.feedback_llm_model
    if key is None or model is None:
        raise ValueError("The settings were not checked.")
    return OpenAICompatibleFeedback(
        ChatEndpoint(settings.feedback_llm_url, key, model),
        timeout_seconds=settings.feedback_llm_timeout_seconds,
        scores_delivery=settings.score_delivery,
    )
