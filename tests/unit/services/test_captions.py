"""Captions as other software reads them: whatever was said, it is one line of one cue."""

import io

import pytest
import webvtt
from hypothesis import example, given
from hypothesis import strategies as st

from services.captions import as_srt, as_vtt
from services.models import Segment

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


def read_srt(text: str) -> list[webvtt.Caption]:
    found: list[webvtt.Caption] = webvtt.from_buffer(io.StringIO(text), format="srt").captions
    return found


def read_vtt(text: str) -> list[webvtt.Caption]:
    found: list[webvtt.Caption] = webvtt.from_buffer(io.StringIO(text), format="vtt").captions
    return found
