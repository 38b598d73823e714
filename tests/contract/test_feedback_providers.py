"""What every feedback provider promises, whoever scores."""

import json
import math
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback import FeedbackProvider
from services.feedback.choice import choose_provider
from services.feedback.evaluation import Feedback, SpokenAnswer
from services.flags import Flags
from services.models import Question
from tests.chat_server import KEY, MODEL, chat_server
from tests.factories import settings_with

PROVIDERS = ("rule_based", "openai")

texts = st.one_of(
    st.text(max_size=300),
    st.text(st.characters(), max_size=100),
    st.lists(st.sampled_from(["um", "like", "you know", "the", "team", "cloud", "好", "\ud800", "\x00"])).map(" ".join),
)
questions = st.builds(
    Question,
    id=st.just("q1"),
    prompt=texts,
    model_answer=st.none() | texts,
    key_points=st.lists(texts, max_size=4).map(tuple),
)
answers = st.builds(
    SpokenAnswer,
    question=questions,
    text=texts,
    duration_seconds=st.floats(),
    longest_pause_seconds=st.none() | st.floats(),
)

HOSTILE = {
    "one megabyte of one word": "a" * 1_000_000,
    "one megabyte of words": "team cloud " * 90_000,
    "combining marks": "\N{COMBINING ACUTE ACCENT}\N{COMBINING DOT BELOW}" * 200_000,
    "letters without spaces": "好" * 200_000,
    "nul": "team\x00cloud",
    "lone surrogates": "\ud800team\udfff" * 1000,
    "emoji": "🎉👩‍👩‍👧 team 🎉" * 1000,
    "fillers only": "um you know like " * 50_000,
}


@pytest.fixture(scope="module")
def model_url() -> Iterator[str]:
    with chat_server() as server:
        yield server.url


@pytest.fixture(scope="module", params=PROVIDERS)
def provider(request, model_url) -> FeedbackProvider:
    """As the product has it: a model with the rules behind it."""
    chosen = settings_with(
        feedback_provider=request.param,
        feedback_llm_url=model_url,
        feedback_llm_key=KEY,
        feedback_llm_model=MODEL,
    )
    return choose_provider(chosen, AllOn())("a session")


class AllOn(Flags):
    """Flags that are on for everybody."""

    def __init__(self) -> None:
        """Nothing is read."""

    def is_on(self, name: str, unit_id: str) -> bool:
        return True


@pytest.mark.covers("E2-S1.1", "E2-S1.2")
@settings(deadline=None)
@given(answer=answers)
def test_any_answer_gets_a_score_with_parts_that_add_up(provider, answer):
    check(provider.evaluate(answer).feedback, answer.text)


@pytest.mark.covers("E2-S1.3")
def test_a_provider_tells_its_name_and_how_it_came_to_a_score(provider, request):
    answer = SpokenAnswer(Question("q1", "Why us?"), "I led a team of five people", 5.0)
    metadata = provider.evaluate(answer).metadata

    assert metadata.provider == provider.name == request.node.callspec.params["provider"]
    assert metadata.fallback is None
    assert metadata.latency_ms >= 0
    assert (metadata.model is None) == provider.is_instant


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_scored_like_any_other(provider, text):
    answer = SpokenAnswer(Question("q1", text, text, (text,)), text, 60.0, longest_pause_seconds=3.0)
    check(provider.evaluate(answer).feedback, text)


@settings(deadline=None)
@given(answer=answers)
def test_the_same_answer_gets_the_same_score(provider, answer):
    assert provider.evaluate(answer).feedback == provider.evaluate(answer).feedback


def test_saying_nothing_scores_nothing(provider):
    assert provider.evaluate(SpokenAnswer(Question("q1", "Why us?"), "", 5.0)).feedback.score == 0


def check(feedback: Feedback, text: str) -> None:
    assert 0 <= feedback.score <= 100
    assert feedback.score == round(feedback.score, 1)
    assert feedback.parts
    assert len({part.name for part in feedback.parts}) == len(feedback.parts)
    assert math.fsum(part.weight for part in feedback.parts) == pytest.approx(1)
    for part in feedback.parts:
        assert 0 <= part.score <= 100
        assert part.score == round(part.score, 1)
        assert 0 <= part.weight <= 1
        assert part.comment
        json.dumps(part.comment).encode()
        part.comment.encode()
        for evidence in part.evidence:
            assert 0 <= evidence.start_word < evidence.end_word <= len(text.split())
            assert evidence.quote.encode()
            assert len(evidence.quote) <= 120
            assert evidence.point is None or (evidence.point.encode() and len(evidence.point) <= 120)
