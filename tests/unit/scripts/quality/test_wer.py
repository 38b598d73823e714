import pytest

from scripts.quality.wer import chance

SAID = ["a b c d", "e f g h"] * 50


def test_the_same_errors_leave_nothing_to_chance():
    heard = ["a x c d", "e f g h"] * 50

    assert chance(SAID, heard, heard) == (0.0, 0.0)


def test_one_word_more_in_every_second_sentence_is_no_chance():
    low, high = chance(SAID, ["a x c d", "e f g h"] * 50, SAID)

    assert 0 < low < 12.5 < high < 25
    assert low == pytest.approx(12.5 - (high - 12.5), abs=1.0)


def test_as_many_better_as_worse_is_chance():
    low, high = chance(SAID, ["a x c d", "e f g h"] * 50, ["a b c d", "e f g x"] * 50)

    assert low < 0 < high
