from random import Random

import pytest

from services.errors import InvalidRequest
from services.search_queries import Hit, hits, read_query
from services.search_words import tokens


def test_a_query_is_words_phrases_and_what_must_not_be_there():
    query = read_query('Led "a big Team" -alone -"not me" led')
    assert query.wanted == (("led",), ("a", "big", "team"))
    assert query.unwanted == (("alone",), ("not", "me"))


def test_words_that_a_mark_parts_are_a_phrase():
    assert read_query("don't well-known").wanted == (("don", "t"), ("well", "known"))


@pytest.mark.parametrize("text", ["", "  ", "-x", "!", '"', "x" * 201])
def test_what_cannot_be_looked_for_is_refused(text: str):
    with pytest.raises(InvalidRequest):
        read_query(text)


def test_where_words_and_phrases_stand():
    text = "I led a team, a TEAM of a-team members; teamed"
    assert [text[each.start : each.end] for each in hits(text, (("team",),))] == ["team", "TEAM", "team"]
    assert [text[each.start : each.end] for each in hits(text, (("a", "team"),))] == ["a team", "a TEAM", "a-team"]


def covered(found: list[Hit]) -> set[int]:
    return {place for each in found for place in range(each.start, each.end)}


@pytest.mark.parametrize("seed", range(50))
def test_plain_text_is_looked_through_as_all_text_is(seed: int):
    random = Random(seed)
    text = "".join(random.choices("abA_1 .-'", weights=(4, 3, 1, 1, 1, 5, 1, 1, 1), k=80))
    words = [each.text for each in tokens(text)] or ["a"]
    begin = random.randrange(len(words))
    phrases = (tuple(words[begin : begin + random.randint(1, 3)]), ("b",))
    # One letter more, far away, and it is no longer plain.
    plain, all_text = list(hits(text, phrases)), list(hits(f"{text} \u00e9", phrases))
    assert {each.start for each in plain} <= {each.start for each in all_text}
    singles = tuple(each for each in phrases if len(each) == 1)
    if singles:
        assert covered(list(hits(text, singles))) == covered(list(hits(f"{text} \u00e9", singles)))
    assert bool(plain) == bool(all_text)


@pytest.mark.parametrize("text", ["x" * 50_000, "a " * 25_000, "\u7d4c" * 50_000, "\u0301" * 50_000])
@pytest.mark.timeout(5)
def test_no_text_is_too_long_to_be_looked_through(text: str):
    assert sum(1 for _ in hits(text, (("a", "a", "b"), ("x",), ("\u7d4c",)))) >= 0
