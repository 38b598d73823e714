from services.models import Gap, Segment, Word
from services.pace import longest_pause_seconds, words_per_minute


def segment_of(*spans: tuple[float, float]) -> Segment:
    words = tuple(Word(start, end, "word", 0.9) for start, end in spans)
    return Segment(spans[0][0], spans[-1][1], "word " * len(words), words=words)


def test_short_pauses_are_part_of_speaking_and_long_ones_are_not():
    # Three words of half a second, a pause of half a second, and one of three seconds.
    said = [segment_of((0.0, 0.5), (1.0, 1.5), (4.5, 5.0))]
    assert words_per_minute(said) == 90.0


def test_a_pause_between_segments_is_one_too():
    said = [segment_of((0.0, 1.0)), segment_of((3.5, 4.5))]
    assert longest_pause_seconds(said) == 2.5
    assert words_per_minute(said) == 60.0


def test_what_was_not_heard_is_no_pause():
    said = [segment_of((0.0, 1.0)), segment_of((30.0, 31.0), (31.25, 32.0))]
    assert longest_pause_seconds(said) == 29.0
    assert longest_pause_seconds(said, [Gap(2.0, 29.0, "crashed")]) == 0.25


def test_words_that_overlap_have_no_pause_between_them():
    said = [segment_of((0.0, 1.0), (0.9, 1.5))]
    assert longest_pause_seconds(said) == 0.0


def test_without_words_there_is_no_pace_and_without_two_no_pause():
    assert words_per_minute([]) is None
    assert words_per_minute([segment_of((1.0, 1.0))]) is None
    assert longest_pause_seconds([]) is None
    assert longest_pause_seconds([segment_of((0.0, 1.0))]) is None
