from services.assembling import Thresholds, assembled, time_spent
from services.models import Gap, HeardWindow, Passage, Plan, Segment, Span, Word

SPANS = (Span(0.0, 10.0), Span(12.0, 20.0), Span(21.0, 30.0))
PLAN = Plan(31.00049, (Span(0.0, 1.0), Span(12.0, 13.0), Span(21.0, 22.0)), SPANS)
THRESHOLDS = Thresholds(needs_review_below=0.6, low_confidence_below=0.5)


def heard(text: str, start: float, probability: float = 0.9) -> HeardWindow:
    segments = (Segment(start, start + 1, text, words=(Word(start, start + 1, text, probability),)),)
    return HeardWindow(segments, "en", 0.8)


def test_windows_stand_in_the_order_of_the_recording_whichever_was_heard_first():
    windows = {2: heard("three", 21.0), 0: heard("one", 0.0), 1: heard("two", 12.0)}
    transcript = assembled(PLAN, windows, {}, ("en", 0.8), THRESHOLDS)
    assert transcript.text == "one two three"
    assert [segment.start for segment in transcript.segments] == [0.0, 12.0, 21.0]
    assert (transcript.language, transcript.language_probability, transcript.duration_seconds) == ("en", 0.8, 31.0)
    assert (transcript.confidence, transcript.needs_review, transcript.no_speech) == (0.9, False, False)
    assert transcript.longest_pause_seconds == 11.0


def test_what_was_not_heard_is_a_gap_and_no_text():
    transcript = assembled(PLAN, {2: heard("three", 21.0)}, {0: "a", 1: "b"}, (None, None), THRESHOLDS)
    assert transcript.gaps == (Gap(0.0, 10.0, "a"), Gap(12.0, 20.0, "b"))
    assert (transcript.text, transcript.needs_review, transcript.no_speech) == ("three", True, False)


def test_what_is_doubtful_is_pointed_out():
    transcript = assembled(PLAN, {0: heard("one", 0.0, 0.4)}, {}, ("en", None), THRESHOLDS)
    assert transcript.low_confidence == (Passage(0.0, 1.0, "one"),)
    assert transcript.needs_review


def test_where_nobody_spoke_there_is_nothing_to_review():
    transcript = assembled(Plan(5.0, (), ()), {}, {}, (None, None), THRESHOLDS)
    assert (transcript.text, transcript.no_speech, transcript.needs_review) == ("", True, False)


def test_speech_in_which_no_word_was_heard_is_to_be_reviewed():
    transcript = assembled(PLAN, dict.fromkeys(range(3), HeardWindow(())), {}, (None, None), THRESHOLDS)
    assert (transcript.text, transcript.no_speech, transcript.needs_review) == ("", True, True)


def test_speech_that_no_word_came_of_is_to_be_reviewed_though_the_rest_is_sure():
    plan = Plan(31.0, (Span(0.0, 1.0), Span(3.0, 5.0)), (Span(0.0, 10.0),))
    transcript = assembled(plan, {0: heard("one", 0.0)}, {}, ("en", 0.8), THRESHOLDS)
    assert (transcript.text, transcript.confidence, transcript.needs_review) == ("one", 0.9, True)


def test_time_is_added_up_by_stage():
    windows = {0: HeardWindow((), timing={"encode": 0.5}), 1: HeardWindow((), timing={"encode": 0.25, "words": 0.0004})}
    assert time_spent({"decode": 1.0, "vad": 0.1}, windows) == {"decode": 1.0, "vad": 0.1, "encode": 0.75, "words": 0.0}
