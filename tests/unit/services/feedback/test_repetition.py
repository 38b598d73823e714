import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.repetition import count_repeated, moving_average_type_token_ratio, repetition
from services.feedback.words import split_words

WRITTEN = """we moved the payment service to another region because customers far away waited much longer than others
before that i asked every engineer which part worried them most and wrote their answers down"""
VARIED = WRITTEN.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("we had a plan", 0),
        ("the the plan", 1),
        ("i was i was tired", 2),
        ("we had to we had to stop", 3),
        ("no no no", 2),
        ("it was very very good", 0),
        ("she had had enough", 0),
    ],
)
def test_words_said_again_right_away_are_counted(text, expected):
    assert count_repeated(text.split()) == expected


def test_a_varied_text_has_full_marks():
    finding = repetition(VARIED)

    assert finding.score == 100
    assert "varied" in finding.comment


def test_starting_over_costs_points_and_is_said():
    finding = repetition([word for word in VARIED[:20] for _ in range(2)])

    assert finding.score < 60
    assert "right away" in finding.comment


def test_coming_back_to_the_same_few_words_costs_points():
    finding = repetition(split_words("the plan was good and a plan is good so the good plan was a good plan" * 5))

    assert finding.score < 50
    assert "came back to the same words" in finding.comment


def test_one_word_is_not_yet_fluency():
    assert repetition(["yes"]).score == 10


@settings(deadline=None)
@given(st.lists(st.sampled_from(VARIED), min_size=1, max_size=200))
def test_the_moving_average_is_the_mean_over_every_window(words):
    window = min(50, len(words))
    stretches = [words[start : start + window] for start in range(len(words) - window + 1)]
    expected = sum(len(set(stretch)) / window for stretch in stretches) / len(stretches)

    assert moving_average_type_token_ratio(words) == pytest.approx(expected)


@settings(deadline=None)
@given(st.lists(st.sampled_from(VARIED), max_size=100))
def test_never_more_words_are_repeated_than_were_said(words):
    assert 0 <= count_repeated(words) <= max(0, len(words) - 1)
