import pytest

from scripts.quality.espeak_words import SaidWord
from scripts.quality.matching import errors, matched
from services.models import Word


def _said(text: str) -> list[SaidWord]:
    return [SaidWord(word, float(place)) for place, word in enumerate(text.split())]


def _heard(text: str) -> list[Word]:
    return [Word(float(place), place + 0.5, word, 0.9) for place, word in enumerate(text.split())]


def test_words_heard_right_are_put_beside_what_was_said():
    match = matched(_said("we met every monday to talk"), _heard("we met um every sunday to"))

    assert [(said.text, heard.text) for said, heard in match.right] == [
        ("we", "we"),
        ("met", "met"),
        ("every", "every"),
        ("to", "to"),
    ]
    assert [word.text for word in match.wrong] == ["um", "sunday"]


def test_a_period_makes_no_word_wrong():
    match = matched(_said("thank you"), _heard("thank you."))

    assert [heard.text for _, heard in match.right] == ["thank", "you."]
    assert match.wrong == ()


def test_nothing_heard_is_nothing_right_and_nothing_wrong():
    assert matched(_said("thank you"), []).right == ()
    assert [word.text for word in matched([], _heard("thank you")).wrong] == ["thank", "you"]


def test_errors_are_wrong_missing_and_added_words_over_those_said():
    found = errors(["a b c d", "e f g h", "i j"], ["a x c d.", "e f h", "i j k."])

    assert (found.errors, found.words) == (3, 10)
    assert found.percent == pytest.approx(30.0)


def test_a_sentence_of_which_nothing_was_heard_counts_with_all_its_words():
    found = errors(["a b c"], [""])

    assert (found.errors, found.words) == (3, 3)
