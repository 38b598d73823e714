"""Captions as other software reads them: whatever was said, it is one line of one cue."""

import io
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
import webvtt
from hypothesis import example, given
from hypothesis import strategies as st

from services.caption_lines import COLUMNS, columns_of, fits, lines_of
from services.captions import as_srt, as_vtt
from services.models import Gap, Segment, Word

HOSTILE = [
    "a --> b",
    "1\n00:00:00,000 --> 00:00:01,000\nsecond cue",
    "<i>tag</i> & <b",
    "5 < 6 & 7 > 3",
    "\u202eright to left\u202c \u05e9\u05dd",
    "\U0001f600\u200d\U0001f600",
    "nul\x00bell\x07\u2028\x85line",
    "$answers",
    "WEBVTT",
    "NOTE not a comment",
    "{\\an8}up",
]


def segments_of(*texts: str) -> list[Segment]:
    return [Segment(float(number), number + 0.5, text) for number, text in enumerate(texts)]


def test_times_and_texts_are_written_as_the_formats_want_them():
    segments = [Segment(0.0, 1.25, "One & two."), Segment(3661.0004, 3662.9996, "Later.")]
    assert as_srt(segments) == (
        "1\n00:00:00,000 --> 00:00:01,250\nOne & two.\n\n2\n01:01:01,000 --> 01:01:03,000\nLater.\n"
    )
    assert as_vtt(segments) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.250\nOne &amp; two.\n\n01:01:01.000 --> 01:01:03.000\nLater.\n"
    )


def test_nothing_said_is_no_cue():
    assert as_srt([]) == ""
    assert as_vtt(segments_of("", " \n ")) == "WEBVTT\n"


def test_a_cue_ends_after_it_starts():
    assert "00:00:01.000 --> 00:00:01.001" in as_vtt([Segment(1.0, 1.0, "a")])
    assert "00:00:00.000 --> 00:00:00.001" in as_vtt([Segment(-1.0, -2.0, "a")])


@pytest.mark.parametrize("text", HOSTILE)
def test_a_reader_finds_one_cue_for_each_segment(text: str):
    written = segments_of("before", text, "after")
    for read in (read_srt(as_srt(written)), read_vtt(as_vtt(written))):
        assert [caption.start for caption in read] == ["00:00:00.000", "00:00:01.000", "00:00:02.000"]
        assert all("\n" not in caption.text for caption in read)


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
@example(["-->", "\r", "<", "\x1e"])
def test_no_text_makes_or_ends_a_cue(texts: list[str]):
    said = [text for text in texts if as_srt(segments_of(text))]
    for written in (as_srt(segments_of(*texts)), as_vtt(segments_of(*texts))):
        assert written.count("-->") == len(said)
        assert sum(1 for line in written.splitlines() if "-->" in line) == len(said)
        assert len([block for block in written.split("\n\n") if "-->" in block]) == len(said)


def test_what_is_plain_stays_as_it_was_said():
    (caption,) = read_srt(as_srt(segments_of("5 < 6 & 7 > 3, \u202e\u05e9\u05dd\u202c \U0001f600")))
    assert caption.raw_text == "5 < 6 & 7 > 3, \u202e\u05e9\u05dd\u202c \U0001f600"


TEXT = (
    "Well, I led a team of five people in Graz, and we had to finish the new payment service before the end of the "
    "year. That was hard. In the end we did it two weeks early, although nobody believed that we could."
)


def spoken(text: str, *, begin: float = 0.0, each: float = 0.3, rest: float = 0.1) -> Segment:
    """Words of even length with even rests between them."""
    words, at = [], begin
    for word in text.split():
        words.append(Word(at, at + each, word, 0.9))
        at += each + rest
    return Segment(begin, at, text, words=tuple(words))


def test_words_make_cues_that_can_be_read():
    cues = read_srt(as_srt([spoken(TEXT)]))
    assert " ".join(cue.raw_text.replace("\n", " ") for cue in cues) == TEXT
    for cue in cues:
        lines = cue.raw_text.splitlines()
        assert len(lines) <= 2
        assert all(len(line) <= 42 for line in lines)
        assert cue.end_in_seconds - cue.start_in_seconds <= 7


def test_a_cue_begins_and_ends_with_its_words():
    segment = spoken(TEXT, begin=12.0)
    times = iter(segment.words)
    for cue in read_srt(as_srt([segment])):
        words = [next(times) for _ in cue.raw_text.split()]
        assert cue.start_in_seconds + cue.start_time.milliseconds / 1000 == pytest.approx(words[0].start, abs=0.001)
        assert cue.end_in_seconds + cue.end_time.milliseconds / 1000 == pytest.approx(words[-1].end, abs=0.001)
    assert next(times, None) is None


def test_lines_and_cues_break_after_marks_rather_than_within_sentences():
    texts = [cue.raw_text for cue in read_srt(as_srt([spoken(TEXT)]))]
    assert texts == [
        "Well, I led a team of five people in Graz,",
        "and we had to finish the new payment\nservice before the end of the year.",
        "That was hard. In the end\nwe did it two weeks early,",
        "although nobody believed that we could.",
    ]


def test_nobody_reads_what_is_said_after_a_silence():
    before, after = spoken("I led a"), spoken("team", begin=3.0)
    segment = Segment(0.0, 4.0, "I led a team", words=before.words + after.words)
    first, second = read_srt(as_srt([segment]))
    assert (first.text, first.end, second.text, second.start) == ("I led a", "00:00:01.100", "team", "00:00:03.000")


def test_a_short_word_stays_as_long_as_it_takes_to_read_but_not_into_the_next():
    lone, hasty = spoken("Yes.", each=0.1), Segment(5.0, 9.0, "No. Why", words=(*spoken("No.", begin=5.0).words,))
    assert read_srt(as_srt([lone]))[0].end == "00:00:00.833"
    following = spoken("Why?", begin=5.5)
    assert read_srt(as_srt([spoken("No.", begin=5.0), following]))[0].end == "00:00:05.500"
    # Words that are not those of the text tell nothing about it.
    assert [(cue.text, cue.end) for cue in read_srt(as_srt([hasty]))] == [("No. Why", "00:00:09.000")]


def test_a_word_that_never_ends_is_not_shown_forever():
    segment = Segment(0.0, 30.0, "Well", words=(Word(0.0, 30.0, " Well", 0.2),))
    assert read_srt(as_srt([segment]))[0].end == "00:00:07.000"


def test_marks_stay_with_the_words_that_they_belong_to():
    text = "She said \u201cno (never)\u201d - and left."
    starts = [("She", 0.0), ("said", 1.0), ("no", 4.0), ("never", 5.0), ("and", 8.0), ("left", 9.0)]
    words = tuple(Word(start, start + 0.5, word, 0.9) for word, start in starts)
    cues = read_srt(as_srt([Segment(0.0, 10.0, text, words=words)]))
    assert [cue.raw_text for cue in cues] == ["She said", "\u201cno (never)\u201d -", "and left."]


def test_text_without_spaces_is_cut_between_its_words():
    words = tuple(Word(i * 0.2, i * 0.2 + 0.2, "\u4f60\u597d", 0.9) for i in range(30))
    segment = Segment(0.0, 6.0, "\u4f60\u597d" * 30, words=words)
    cues = read_srt(as_srt([segment]))
    assert "".join(cue.raw_text for cue in cues).replace("\n", "") == segment.text
    # Each of these signs is two columns wide.
    assert max(len(line) for cue in cues for line in cue.raw_text.splitlines()) <= 21


def test_what_was_not_heard_says_so_in_its_place():
    segments = [spoken("Before."), spoken("After.", begin=40.0)]
    gap = Gap(10.0, 39.96, "window_failed")
    for read in (read_srt(as_srt(segments, [gap])), read_vtt(as_vtt(segments, [gap]))):
        assert [cue.text for cue in read] == ["Before.", "[\u2026 not heard: 10.0\u201340.0 s]", "After."]
        assert (read[1].start, read[1].end) == ("00:00:10.000", "00:00:17.000")


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=30),
    st.lists(st.floats(0, 100), min_size=60, max_size=60),
)
@example(["-->", "\r", "<", "\x1e"], [0.0] * 60)
@example(["a", "\u2028"], [5.0, 1.0] * 30)
def test_words_whatever_they_hold_and_whenever_they_are_make_readable_cues(words: list[str], times: list[float]):
    said = tuple(Word(times[2 * i], times[2 * i + 1], word, 0.5) for i, word in enumerate(words))
    segment = Segment(0.0, 100.0, " ".join(words), words=said)
    for written, read in ((as_srt([segment]), read_srt), (as_vtt([segment]), read_vtt)):
        cues = read(written) if "-->" in written else []
        assert written.count("-->") == sum(1 for line in written.splitlines() if "-->" in line) == len(cues)
        assert all(len(cue.raw_text.splitlines()) in (1, 2) for cue in cues)
        starts = [cue.start for cue in cues]
        assert starts == sorted(starts)


def read_srt(text: str) -> list[webvtt.Caption]:
    found: list[webvtt.Caption] = webvtt.from_buffer(io.StringIO(text), format="srt").captions
    return found


def read_vtt(text: str) -> list[webvtt.Caption]:
    found: list[webvtt.Caption] = webvtt.from_buffer(io.StringIO(text), format="vtt").captions
    return found


def test_many_short_words_in_little_time_are_no_more_work():
    """Counted in lines of code that run, against the same with a pause between any two, where nothing is to choose."""

    def lines_run(each: float) -> int:
        words = tuple(Word(i * each, i * each, "a", 0.5) for i in range(2_000))
        segment = Segment(0.0, 2_000 * each, "a " * 2_000, words=words)
        ran = 0

        def count(_frame: FrameType, event: str, _argument: object) -> Callable[..., Any]:
            nonlocal ran
            ran += event == "line"
            return count

        before = sys.gettrace()
        sys.settrace(count)
        try:
            as_srt([segment])
        finally:
            sys.settrace(before)
        return ran

    assert lines_run(0.0001) < 6 * lines_run(2.0)


@given(st.lists(st.text("ae\u5b57\u0301-,", min_size=1, max_size=30).map(lambda word: f"{word} "), min_size=1))
@example(["\u5b57" * 22 + " ", "a "])
@example(["a ", "\u5b57" * 22 + " "])
@example(["a" * 42 + " ", "a" * 42 + " "])
@example(["a" * 41 + " ", "a ", "a" * 42 + " "])
def test_what_fits_has_lines_that_do(pieces: list[str]):
    lines = lines_of(pieces)
    is_short = len(lines) <= 2 and all(columns_of(line).at_end <= COLUMNS for line in lines)
    assert fits([columns_of(piece) for piece in pieces]) is (is_short or len(pieces) == 1)
