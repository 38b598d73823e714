import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.delivery import length, pace


def test_a_comfortable_pace_says_the_numbers():
    finding = pace(92, 40.0)

    assert finding is not None
    assert finding.score == 100
    assert finding.comment == "You spoke 92 words in 40 s (138 words a minute), a comfortable pace."


@pytest.mark.parametrize(("words", "word"), [(40, "slow"), (220, "fast")])
def test_an_uncomfortable_pace_costs_points_and_says_why(words, word):
    finding = pace(words, 60.0)

    assert finding is not None
    assert finding.score < 80
    assert f"which is {word}" in finding.comment


@pytest.mark.parametrize("seconds", [0.0, -3.0, 0.2, 5e-324, math.nan, math.inf])
def test_an_unknown_duration_leaves_pace_out(seconds):
    assert pace(10, seconds) is None


def score_at(wpm: int) -> float:
    finding = pace(wpm, 60.0)
    assert finding is not None
    return finding.score


@settings(deadline=None)
@given(st.integers(1, 1000))
def test_pace_has_no_cliffs_and_falls_on_both_sides(wpm):
    here, faster = score_at(wpm), score_at(wpm + 1)

    assert abs(here - faster) < 3
    assert faster >= here if wpm < 110 else faster <= here


@pytest.mark.parametrize(
    ("words", "model_words", "verdict"),
    [(12, 0, "short"), (120, 0, "a good length"), (900, 0, "long"), (12, 16, "a good length"), (120, 16, "long")],
)
def test_length_is_judged_against_the_model_answer_where_there_is_one(words, model_words, verdict):
    finding = length(words, model_words, repeated=0)

    assert verdict in finding.comment
    assert (finding.score == 100) is (verdict == "a good length")


@settings(deadline=None)
@given(st.integers(1, 1000), st.integers(0, 300))
def test_length_has_no_cliffs(words, model_words):
    here, longer = length(words, model_words, repeated=0).score, length(words + 1, model_words, repeated=0).score

    assert abs(here - longer) <= 100 * math.log(1 + 1 / words)


def test_words_said_again_at_once_do_not_make_an_answer_long():
    looped = length(100, 0, repeated=99)

    assert looped.score == length(1, 0, repeated=0).score
    assert "1 word (repeats left out)" in looped.comment


def test_no_words_and_an_empty_model_answer_do_not_divide_by_nothing():
    assert length(0, 1, repeated=0).score == 0
