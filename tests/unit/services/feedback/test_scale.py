import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.scale import falling, listed, per_hundred, quoted, within


@settings(deadline=None)
@given(st.floats(allow_nan=False, min_value=-1e300, max_value=1e300))
def test_within_a_band_is_always_a_score(value):
    score = within(value, 10, 20, width=0.5)

    assert 0 <= score <= 100
    assert (score == 100) >= (10 <= value <= 20)


def test_outside_the_band_the_width_leaves_a_third():
    assert within(10 / 2.718281828, 10, 20, width=1) == pytest.approx(36.8, abs=0.1)


def test_falling_halves_at_its_half():
    assert (falling(0, half=8), falling(8, half=8)) == (100, 50)


def test_one_slip_in_a_short_sentence_is_not_a_habit():
    assert per_hundred(1, 4) == per_hundred(1, 25) == 4


def test_phrases_are_joined_as_people_do():
    assert [listed(phrases) for phrases in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@settings(deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_a_quotation_fits_one_clean_line(text):
    line = quoted(text)

    assert len(line) <= 62
    assert line.isprintable()
    assert line.encode()
