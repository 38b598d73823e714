import pytest

from services.word_errors import MOST_WORDS, WordErrors, normalised, word_errors


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I led a Team, didn't I?", ["i", "led", "a", "team", "didnt", "i"]),
        ("I didn\u2019t", ["i", "didnt"]),
        ("l'\u00e9quipe  Stra\u00dfe", ["l\u00e9quipe", "strasse"]),
        ("\uff11\uff12 \ufb01ne", ["12", "fine"]),
        ("\u7d4c\u9a13 AI", ["\u7d4c", "\u9a13", "ai"]),
        ("snake_case -- ...", ["snake", "case"]),
        ("", []),
    ],
)
def test_what_counts_as_a_word(text: str, words: list[str]) -> None:
    assert normalised(text) == words


@pytest.mark.parametrize(
    ("truth", "heard", "errors", "words"),
    [
        ("I led a team.", "i led a team", 0, 4),
        ("I led a big team", "i let a team", 2, 5),
        ("yes", "yes yes yes", 2, 1),
        ("", "something", 1, 0),
        ("something here", "", 2, 2),
        ("", "", 0, 0),
    ],
)
def test_wrong_missing_and_added_words_count(truth: str, heard: str, errors: int, words: int) -> None:
    found = word_errors(truth, heard)
    assert found == WordErrors(errors, words)
    assert found.rate == (errors / words if words else None)


@pytest.mark.timeout(20)
def test_texts_whose_comparing_would_take_too_much_memory_are_left_out() -> None:
    most = " ".join(f"w{number}" for number in range(MOST_WORDS))
    assert word_errors(most, most) == WordErrors(0, MOST_WORDS)
    assert word_errors(f"{most} one", most) is None
    assert word_errors(f"{most} one", most, most_words=None) == WordErrors(1, MOST_WORDS + 1)
