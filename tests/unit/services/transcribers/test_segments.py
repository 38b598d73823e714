from services.audio.windows import Window
from services.models import Segment
from services.transcribers.segments import HeardSegment, placed, rest_of
from tests.recordings import silence

WINDOW = Window(28.5, silence(10))


def test_segments_are_put_at_their_place_in_the_recording():
    assert placed([HeardSegment(0.5, 2.0, " hello  there ")], WINDOW) == [Segment(29.0, 30.5, "hello there")]


def test_segments_never_overlap_or_run_backwards():
    heard = [HeardSegment(1, 4, "a"), HeardSegment(3, 2, "b"), HeardSegment(0, 5, "c")]
    assert placed(heard, WINDOW) == [Segment(29.5, 32.5, "a"), Segment(32.5, 32.5, "b"), Segment(32.5, 33.5, "c")]


def test_no_segment_reaches_beyond_its_window():
    heard = [HeardSegment(-1, 4, "a"), HeardSegment(9, 30, "b"), HeardSegment(10, 12, "c")]
    assert placed(heard, WINDOW) == [Segment(28.5, 32.5, "a"), Segment(37.5, 38.5, "b")]


def test_empty_text_is_no_segment():
    assert placed([HeardSegment(0, 1, "  "), HeardSegment(1, 2, "")], WINDOW) == []


def test_the_rest_begins_where_the_model_stopped():
    rest = rest_of(WINDOW, [HeardSegment(0, 4, "a", more_follows=True)])
    assert rest is not None
    assert (rest.start_seconds, rest.seconds) == (32.5, 6.0)


def test_there_is_no_rest_where_the_model_was_done_or_would_not_get_further():
    assert rest_of(WINDOW, []) is None
    assert rest_of(WINDOW, [HeardSegment(0, 4, "a")]) is None
    assert rest_of(WINDOW, [HeardSegment(0, 0, "a", more_follows=True)]) is None
    assert rest_of(WINDOW, [HeardSegment(0, 10, "a", more_follows=True)]) is None
