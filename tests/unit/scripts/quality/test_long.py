import pytest

from scripts.quality.ears import HeardRecording
from scripts.quality.espeak_words import SaidWord
from scripts.quality.long import times_off
from scripts.quality.recordings import Recording, Said
from services.models import Plan, Segment, Word


def _recording(seconds: float, *said: Said) -> Recording:
    return Recording(b"", round(seconds * 16_000), said)


def _said(text: str, start: float) -> Said:
    words = text.split()
    places = [SaidWord(word, start + place) for place, word in enumerate(words)]
    return Said(text, "f2", start, start + len(words), tuple(places))


def _heard(*segments: tuple[str, float]) -> HeardRecording:
    found = []
    for text, start in segments:
        words = tuple(Word(start + n, start + n + 0.9, word, 1.0) for n, word in enumerate(text.split()))
        found.append(Segment(start, words[-1].end, text, words=words))
    return HeardRecording(Plan(600.0, (), ()), tuple(found), {}, 1.0)


def test_a_known_shift_is_found_in_words_and_in_segments():
    recording = _recording(600, _said("we met", 10.0), _said("thank you", 580.0))

    off = times_off(recording, _heard(("we met", 10.0), ("thank you", 580.4)), since=540.0)

    what = ["word “thank”", "start of “thank you”", "word “you”", "end of “thank you”"]
    assert [each.what for each in off] == what
    assert [each.off for each in off] == pytest.approx([0.4, 0.4, 0.4, 0.3])


def test_what_was_not_heard_right_has_no_time_and_no_bounds():
    recording = _recording(600, _said("we met", 10.0), _said("thank you", 580.0))

    off = times_off(recording, _heard(("we met", 10.0), ("thank them", 580.4)), since=540.0)

    assert [each.what for each in off] == ["word “thank”", "start of “thank you”"]


def test_a_segment_that_begins_inside_a_sentence_is_not_held_against_its_start():
    recording = _recording(600, _said("we met every day", 580.0))

    off = times_off(recording, _heard(("we met", 580.0), ("every day", 582.0)), since=0.0)

    assert [each.what for each in off if "of" in each.what] == [
        "start of “we met every day”",
        "end of “we met every day”",
    ]
