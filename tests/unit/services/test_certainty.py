import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.certainty import confidence_of, is_speech_without_words, low_confidence_of, needs_review
from services.models import Passage, Segment, Span, Word


def segment_of(*probabilities: float, start: float = 0.0) -> Segment:
    """Words of one second each, named by their place."""
    words = tuple(
        Word(start + number, start + number + 1, f"w{number}", probability)
        for number, probability in enumerate(probabilities)
    )
    return Segment(start, start + len(words), " ".join(word.text for word in words), words=words)


def test_every_word_counts_once_however_long_it_is():
    long = Segment(0.0, 11.0, "um yes", words=(Word(0.0, 10.0, "um", 0.2), Word(10.0, 11.0, "yes", 1.0)))
    assert confidence_of([long]) == 0.6


def test_without_words_nobody_knows_how_sure_it_is():
    assert confidence_of([]) is None
    assert confidence_of([Segment(0.0, 1.0, "no words here")]) is None


@given(st.lists(st.lists(st.floats(0, 1), max_size=5), max_size=4))
def test_a_confidence_lies_between_the_least_and_the_most_probable_word(probabilities):
    segments = [segment_of(*each) for each in probabilities]
    every = [probability for each in probabilities for probability in each]
    found = confidence_of(segments)
    assert (found is None) is (not every)
    if found is not None:
        assert min(every) - 0.001 <= found <= max(every) + 0.001


def test_doubtful_neighbours_are_one_passage_and_words_between_are_not_in_it():
    found = low_confidence_of([segment_of(0.9, 0.1, 0.2, 0.9, 0.3)], below=0.5)
    assert found == (Passage(1.0, 3.0, "w1 w2"), Passage(4.0, 5.0, "w4"))


def test_a_passage_ends_with_its_segment():
    found = low_confidence_of([segment_of(0.9, 0.1), segment_of(0.1, start=2.0)], below=0.5)
    assert found == (Passage(1.0, 2.0, "w1"), Passage(2.0, 3.0, "w0"))


def test_what_is_as_probable_as_the_threshold_is_not_doubted():
    assert low_confidence_of([segment_of(0.5)], below=0.5) == ()


@pytest.mark.parametrize(
    ("confidence", "has_gaps", "nothing_heard", "expected"),
    [
        (0.59, False, False, True),
        (0.6, False, False, False),
        (0.99, True, False, True),
        (None, False, False, False),
        (None, False, True, True),
    ],
)
def test_what_is_unsure_or_missing_is_to_be_reviewed(confidence, has_gaps, nothing_heard, expected):
    assert needs_review(confidence, below=0.6, has_gaps=has_gaps, nothing_heard=nothing_heard) is expected


@pytest.mark.parametrize(
    ("speech", "expected"),
    [
        ([Span(2.0, 6.0)], False),
        ([Span(0.6, 7.4)], False),
        ([Span(0.5, 6.0)], True),
        ([Span(2.0, 7.5)], True),
        ([Span(2.0, 6.0), Span(8.0, 9.4), Span(12.0, 13.4)], False),
        ([Span(2.0, 6.0), Span(8.0, 9.5)], True),
        ([Span(0.0, 1.5), Span(2.0, 6.0)], True),
        ([Span(0.0, 1.0), Span(1.2, 2.0), Span(2.0, 6.0)], False),
        ([], False),
    ],
    ids=["all", "edges", "before", "after", "hesitations", "a sentence", "the first", "bits", "nobody"],
)
def test_speech_of_some_length_without_a_word_in_it_is_noticed(speech, expected):
    words = [segment_of(0.9, 0.9, start=2.0), segment_of(0.9, 0.9, start=4.0)]
    assert is_speech_without_words(speech, words) is expected


def test_speech_between_words_is_noticed_whatever_the_order_of_windows():
    late, early = segment_of(0.9, start=5.0), segment_of(0.9, start=0.0)
    assert is_speech_without_words([Span(0.0, 6.0)], [late, early])
    assert not is_speech_without_words([Span(0.0, 1.0), Span(5.0, 6.0)], [late, early])
