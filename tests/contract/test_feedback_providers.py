"""What every feedback provider promises, whoever scores."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback import FeedbackProvider
from services.feedback.evaluation import Feedback, SpokenAnswer
from services.feedback.rule_based import RuleBasedFeedback
from services.models import Question

PROVIDERS: list[FeedbackProvider] = [RuleBasedFeedback()]

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


@pytest.fixture(params=PROVIDERS, ids=lambda provider: provider.name)
def provider(request):
    return request.param


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
@settings(deadline=None)
@given(answer=answers)
def test_any_answer_gets_a_score_with_parts_that_add_up(provider, answer):
    check(provider.evaluate(answer).feedback, answer.text)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_are_scored_like_any_other(provider, text):
    answer = SpokenAnswer(Question("q1", text, text, (text,)), text, 60.0, longest_pause_seconds=3.0)
    check(provider.evaluate(answer).feedback, text)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
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
