import pytest

from services.models import Segment, Word
from services.word_times import KeptTimes, packed, times_edited, times_heard


def segment(*words: str, begin: float = 0.0) -> Segment:
    said = tuple(Word(begin + place, begin + place + 0.5, word, 0.9) for place, word in enumerate(words))
    return Segment(begin, begin + len(words), " ".join(words), words=said)


@pytest.mark.parametrize(
    ("text", "segments", "looked_for", "seconds"),
    [
        ("I led a team.", [segment("I", "led"), segment("a", "team.", begin=2.0)], "team", (3.0, 3.5)),
        ("I led a team.", [segment("I", "led"), segment("a", "team.", begin=2.0)], "led a", (1.0, 2.5)),
        ("\u7d4c\u9a13\u8c4a\u5bcc", [segment("\u7d4c\u9a13", "\u8c4a\u5bcc")], "\u8c4a", (1.0, 1.5)),
        # A word of the model's that the text has not: nobody knows where it is.
        ("I led", [segment("I", "sad", "led")], "led", (2.0, 2.5)),
        ("I led", [Segment(0.0, 2.0, "I led")], "led", None),
        ("", [], "", None),
    ],
)
def test_it_is_known_when_a_piece_of_what_was_heard_was_said(text, segments, looked_for, seconds):
    kept = KeptTimes(packed(times_heard(text, segments)))
    place = text.index(looked_for)
    assert kept.seconds(place, place + len(looked_for)) == seconds


def test_what_was_edited_has_the_times_of_the_words_that_were_left():
    text = "I led  two teams and a team."
    kept = KeptTimes(packed(times_edited(text, [segment("I", "led", "a", "team.")])))
    assert kept.seconds(text.index("two"), text.index("two") + 9) is None
    assert kept.seconds(text.index("a team"), len(text)) == (2.0, 3.5)
    assert kept.seconds(0, len(text)) == (0.0, 3.5)


def test_times_that_cannot_be_are_kept_within_what_can():
    kept = KeptTimes(packed(times_heard("a", [Segment(0.0, 1.0, "a", words=(Word(-1.0, 1e9, "a", 1.0),))])))
    assert kept.seconds(0, 1) == (0.0, (2**32 - 1) / 1000)
