import pytest

from services.transcribers.repetition import Loop, loop_in

SENTENCE = ["first", "we", "looked", "at", "the", "logs", "and", "then", "we", "fixed", "the", "database"]


@pytest.mark.parametrize(
    "words",
    [
        [],
        SENTENCE,
        SENTENCE * 2,
        ["no"] * 6,
        [*SENTENCE, *["very"] * 4, "good"],
        ["i", "mean"] * 3 + SENTENCE,
        [str(number) for number in range(60)],
    ],
)
def test_what_people_say_is_no_loop(words):
    assert loop_in(words) is None


@pytest.mark.parametrize(
    ("words", "loop"),
    [
        (["you"] * 9, Loop(0, 1, 9)),
        ([*SENTENCE, *["thank", "you"] * 6], Loop(12, 2, 6)),
        (SENTENCE * 3, Loop(0, 12, 3)),
        (["so", *["we", "moved", "it", "on"] * 3, "and", "done"], Loop(1, 4, 3)),
    ],
)
def test_what_only_a_machine_says_is_a_loop(words, loop):
    assert loop_in(words) == loop
    assert len(loop.repeated) == loop.length * (loop.rounds - 1)


def test_neither_case_nor_punctuation_hides_a_loop():
    assert loop_in(["Thank you.", "thank you,"] * 5) == Loop(0, 1, 10)


def test_a_loop_that_breaks_off_in_a_round_counts_whole_rounds():
    assert loop_in([*["we", "moved", "it"] * 4, "we"]) == Loop(0, 3, 4)
