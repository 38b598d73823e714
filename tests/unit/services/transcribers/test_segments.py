from itertools import pairwise

import pytest

from services.audio.windows import PADDING_SECONDS, Window
from services.models import Segment, Span, Word
from services.transcribers.segments import HeardSegment, believable, certain, placed, rest_of, speech_in, spoken, within
from tests.recordings import silence

WINDOW = Window(28.5, silence(10), (Span(28.5, 38.5),))


def heard(*times: float, text: str = "") -> HeardSegment:
    """A segment with a word between each two of these times."""
    words = [Word(begin, end, f" {index}", 0.5) for index, (begin, end) in enumerate(pairwise(times))]
    return HeardSegment(times[0], times[-1], text or "".join(word.text for word in words).strip(), words=tuple(words))


def test_segments_and_words_are_put_at_their_place_in_the_recording():
    assert placed([heard(0.5, 1.0, 2.0, text="hello there")], WINDOW) == [
        Segment(29.0, 30.5, "hello there", words=(Word(29.0, 29.5, " 0", 0.5), Word(29.5, 30.5, " 1", 0.5)))
    ]


def test_figures_come_along():
    segment = HeardSegment(0, 1, "a", avg_logprob=-0.5, no_speech_prob=0.25, compression_ratio=1.5, temperature=0.2)
    (found,) = placed([segment], WINDOW)
    figures = found.avg_logprob, found.no_speech_prob, found.compression_ratio, found.temperature
    assert figures == (-0.5, 0.25, 1.5, 0.2)


def times(segments: list[HeardSegment]) -> list[tuple[float, float, str]]:
    return [(segment.start, segment.end, segment.text) for segment in segments]


def test_segments_never_overlap_or_run_backwards():
    said = [HeardSegment(1, 4, "a"), HeardSegment(3, 2, "b"), HeardSegment(0, 5, "c")]
    assert times(within(said, 10)) == [(1, 4, "a"), (4, 4, "b"), (4, 5, "c")]


def test_no_segment_reaches_beyond_its_window():
    said = [HeardSegment(-1, 4, "a"), HeardSegment(9, 30, "b"), HeardSegment(10, 12, "c")]
    assert times(within(said, 10)) == [(0, 4, "a"), (9, 10, "b")]


def test_empty_text_is_no_segment():
    assert within([HeardSegment(0, 1, "  "), HeardSegment(1, 2, "")], 10) == []


def test_text_faster_than_anybody_talks_is_given_the_speech_around_it():
    fast = HeardSegment(4.0, 4.5, "we moved the service to the cloud")
    said = [HeardSegment(0.5, 1.5, "so"), fast, HeardSegment(8, 9, "good")]
    assert times(believable(said, [Span(0.4, 1.6), Span(3, 5), Span(5.2, 6.5), Span(7.9, 9)], 10))[1][:2] == (1.5, 8)
    assert times(believable(said, [Span(0.4, 1.4), Span(3, 5), Span(5.2, 6.5), Span(8.1, 9)], 10))[1][:2] == (3, 6.5)
    assert believable([fast], [], 10) == [fast]


def test_ordinary_text_keeps_its_times():
    said = [HeardSegment(4.0, 7.0, "we moved the service to the cloud")]
    assert believable(said, [Span(0, 10)], 10) == said


def test_words_on_silence_are_dropped():
    (segment,) = spoken([heard(1.0, 1.5, 2.0, 5.0, 6.0)], [Span(0.9, 2.1)])
    assert [word.text for word in segment.words] == ["0", "1", "2"]
    assert (segment.start, segment.end, segment.text) == (1.0, 2.1, "0 1 2")
    assert spoken([heard(5.0, 6.0)], [Span(0.9, 2.1)]) == []


def test_words_beside_speech_are_kept():
    (segment,) = spoken([heard(2.2, 2.4, text="0.")], [Span(1, 2.1)])
    assert segment.text == "0."


def test_a_word_does_not_last_through_a_pause():
    (segment,) = spoken([heard(0.0, 3.0, 4.0)], [Span(0.5, 1.2), Span(2.9, 4)])
    assert [(word.start, word.end) for word in segment.words] == [(0.5, 1.2), (3.0, 4.0)]


def test_certain_is_what_the_model_was_sure_of_at_once():
    sure, unsure = HeardSegment(0, 1, "a", avg_logprob=-0.4), HeardSegment(1, 2, "b", avg_logprob=-0.8)
    lucky = HeardSegment(2, 3, "c", avg_logprob=-0.4, temperature=0.4)
    assert certain([sure, unsure, lucky]) == [sure]


def test_the_rest_begins_where_the_model_stopped():
    rest = rest_of(WINDOW, [HeardSegment(0, 4, "a", more_follows=True)])
    assert rest is not None
    assert (rest.start_seconds, rest.seconds, rest.speech) == (32.5, 6.0, (Span(32.5, 38.5),))


def test_speech_after_the_last_word_is_a_rest_from_shortly_before_it():
    window = Window(28.5, silence(10), (Span(29, 32.6), Span(35, 36.2)))
    rest = rest_of(window, [HeardSegment(0, 4, "a")])
    assert rest is not None
    assert (rest.start_seconds, rest.speech) == (35 - PADDING_SECONDS, (Span(35, 36.2),))
    assert rest.seconds == pytest.approx(3.5 + PADDING_SECONDS)
    (span,) = speech_in(rest)
    assert (span.start, span.end) == pytest.approx((PADDING_SECONDS, 1.2 + PADDING_SECONDS))


@pytest.mark.parametrize(
    ("speech", "said"),
    [
        ((Span(28.5, 38.5),), []),
        ((Span(28.5, 33.0),), [HeardSegment(0, 4, "a")]),
        ((Span(28.5, 32.6),), [HeardSegment(0, 4, "a", more_follows=True)]),
        ((Span(28.5, 38.5),), [HeardSegment(0, 0.05, "a", more_follows=True)]),
        ((Span(28.5, 38.5),), [HeardSegment(0, 10, "a", more_follows=True)]),
    ],
    ids=["nothing heard", "a breath", "the end of a sound", "no step", "the end"],
)
def test_there_is_no_rest_where_nothing_is_left_or_nothing_would_be_gained(speech, said):
    assert rest_of(Window(28.5, silence(10), speech), said) is None
