"""What a person left as it was heard keeps its times; what they wrote has none."""

import random
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edited_words import aligned, timed
from services.models import Segment, Word


def heard(*texts: str) -> list[Segment]:
    """Segments of ten seconds, a word a second."""
    return [
        Segment(
            10.0 * number,
            10.0 * number + 10.0,
            text,
            words=tuple(
                Word(10.0 * number + place, 10.0 * number + place + 0.5, f" {word}", 0.9)
                for place, word in enumerate(text.split())
            ),
        )
        for number, text in enumerate(texts)
    ]


def times_of(text: str, segments: list[Segment]) -> list[tuple[str, float | None]]:
    return [(word.text, word.start) for segment in aligned(text, segments) for word in segment.words]


def test_untouched_words_keep_their_times_and_probability():
    (segment,) = aligned("I led two teams there", heard("i led a team there"))
    assert [(word.text, word.start, word.end, word.probability) for word in segment.words] == [
        ("I", 0.0, 0.5, 0.9),
        ("led", 1.0, 1.5, 0.9),
        ("two", None, None, None),
        ("teams", None, None, None),
        ("there", 4.0, 4.5, 0.9),
    ]


def test_case_and_marks_make_no_other_word():
    assert times_of("Well: I LED, \u201cthem\u201d!", heard("well i led them")) == [
        ("Well:", 0.0),
        ("I", 1.0),
        ("LED,", 2.0),
        ("\u201cthem\u201d!", 3.0),
    ]


def test_what_is_new_belongs_to_the_segment_before_it_and_what_is_gone_leaves_none():
    segments = heard("one two three", "four five six", "seven eight nine")
    edited = aligned("Zero one two three and\nmore. seven eight nine ten", segments)
    assert [(each.start, each.text) for each in edited] == [
        (0.0, "Zero one two three and\nmore."),
        (20.0, "seven eight nine ten"),
    ]


def test_words_in_the_middle_are_found_again_after_changes_before_and_behind():
    text = "the cat saw the dog and the dog saw the cat again"
    found = times_of(f"Now {text[4:-6]} twice", heard(text))
    assert found[0] == ("Now", None)
    assert found[1:-1] == [(word, float(place)) for place, word in enumerate(text.split())][1:-1]
    assert found[-1] == ("twice", None)


def test_what_is_left_of_a_text_that_was_shortened_or_extended_keeps_its_times():
    told = heard("one two three four five six seven eight nine ten")
    assert times_of("four five six", told) == [("four", 3.0), ("five", 4.0), ("six", 5.0)]
    assert [each for each in times_of(f"{'more ' * 30}one two", heard("one two")) if each[1] is not None] == [
        *(("one", 0.0), ("two", 1.0)),
    ]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("something else altogether was written by them", heard("i led a team there")),
        ("i led a team", [Segment(0.0, 4.0, "i led a team")]),
        ("", heard("i led a team")),
        ("i led a team", []),
        ("\u4f60\u597d", heard("i led")),
    ],
    ids=["rewritten", "words without times", "emptied", "nothing heard", "another script"],
)
def test_where_it_cannot_be_told_no_word_has_a_time(text: str, segments: list[Segment]):
    assert aligned(text, segments) == ()


def test_for_captions_new_words_share_the_time_between_those_around_them():
    (segment,) = aligned("i led two great teams there today", heard("i led a team there"))
    words = timed(segment).words
    assert [word.text for word in words] == ["i", "led", "two", "great", "teams", "there", "today"]
    assert [round(word.start, 3) for word in words] == [0.0, 1.0, 1.5, 2.333, 3.167, 4.0, 4.5]
    assert words[-1].end == segment.end


@given(st.lists(st.sampled_from(["a", "b", "c", "-", "D!"])), st.lists(st.sampled_from(["a", "b", "c", "d"])))
def test_times_never_go_back_and_no_word_is_lost(written: list[str], spoken: list[str]):
    segments = heard(" ".join(spoken[:8]), " ".join(spoken[8:16]))
    edited = aligned(" ".join(written), segments)
    if edited:
        assert [word.text for each in edited for word in each.words] == written
        known = [word.start for each in edited for word in each.words if word.start is not None]
        assert known == sorted(set(known))
        words = [word for each in edited for word in timed(each).words]
        assert all(word.start <= following.start for word, following in pairwise(words))


def test_a_long_text_that_was_changed_everywhere_keeps_its_times():
    """Two hours as people speak: few words make up most of it."""
    order = random.Random(1)
    words = order.choices(range(3_000), [1 / (rank + 3) for rank in range(3_000)], k=9_000)
    spoken = [f"w{word}" for word in words]
    written = [f"new{place}" if place % 10 == 5 else word for place, word in enumerate(spoken)]
    found = [start for _, start in times_of(" ".join(written), heard(" ".join(spoken)))]
    assert sum(start == place for place, start in enumerate(found)) > 8_000


def test_words_that_changed_places_have_times_in_order_and_as_many_as_can_be():
    said = [f"w{place}" for place in range(12)]
    moved = [*said[8:], *said[:8]]
    found = [start for _, start in times_of(" ".join(moved), heard(" ".join(said)))]
    assert found == [None] * 4 + [float(place) for place in range(8)]


def test_a_text_of_one_word_that_was_written_again_is_the_same():
    said = " ".join(["no"] * 4_000)
    assert [start for _, start in times_of(said, heard(said))] == [float(place) for place in range(4_000)]


def test_a_long_hostile_edit_is_no_work_for_minutes():
    """Measured against itself: a text of other words, which is compared in one step a word."""

    def seconds(written: list[str], spoken: list[str]) -> float:
        began = time.process_time()
        aligned(" ".join(written), heard(" ".join(spoken)))
        return time.process_time() - began

    order = random.Random(1)
    easy = [str(order.random()) for _ in range(12_000)]
    spoken = [str(each % 101) for each in range(1_500)]
    hostile = [str(each * 3 % 101) for each in range(12_000)]
    assert seconds(hostile, ["x", *spoken]) < 100 * seconds(easy, spoken)
