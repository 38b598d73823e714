"""How sure a transcript is: one number for all of it, and the words that somebody should listen to again."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from services.models import Passage, Segment, Span, Word

# Measured on 285 windows of the test set: where so much speech was without words, words were missing. In less, people
# hesitate.
WORDLESS_SECONDS = 1.5


def confidence_of(segments: Sequence[Segment]) -> float | None:
    """The mean probability of the words (0-1), each word counted once; None where there is none.

    By word and not by duration: where the probabilities are calibrated, this is the share of words that are right, as
    word error rates count them, and a long-drawn "um" weighs no more than a name.
    """
    words = [word for segment in segments for word in segment.words]
    return round(sum(word.probability for word in words) / len(words), 3) if words else None


def low_confidence_of(segments: Sequence[Segment], *, below: float) -> tuple[Passage, ...]:
    """The words less probable than `below`, neighbours in a segment together."""
    return tuple(_passage(run) for segment in segments for run in _doubtful_runs(segment, below))


def is_speech_without_words(speech: Sequence[Span], segments: Sequence[Segment]) -> bool:
    """Whether somebody spoke for so long without a word of it being heard that words must be missing."""
    words = sorted((word for segment in segments for word in segment.words), key=lambda word: word.start)
    place, heard_until = 0, 0.0
    for span in speech:
        heard_until = max(heard_until, span.start)
        while place < len(words) and words[place].start < span.end:
            if words[place].start - heard_until >= WORDLESS_SECONDS:
                return True
            heard_until = max(heard_until, words[place].end)
            place += 1
        if span.end - heard_until >= WORDLESS_SECONDS:
            return True
    return False


def needs_review(confidence: float | None, *, below: float, has_gaps: bool, nothing_heard: bool) -> bool:
    """Whether a person should look: it is unsure, parts are missing, or speech was found and no word heard in it."""
    return has_gaps or nothing_heard or (confidence is not None and confidence < below)


def _doubtful_runs(segment: Segment, below: float) -> Iterator[list[Word]]:
    for is_doubtful, run in groupby(segment.words, key=lambda word: word.probability < below):
        if is_doubtful:
            yield list(run)


def _passage(words: Sequence[Word]) -> Passage:
    return Passage(words[0].start, words[-1].end, " ".join(word.text.strip() for word in words))
