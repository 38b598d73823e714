"""Where a word may begin and end: inside its segment, after the word before, and where somebody speaks."""

from collections.abc import Sequence
from dataclasses import replace

from services.models import Span, Word

# Attention moves in steps of 20 ms, and no word is shorter than one.
SHORTEST_WORD_SECONDS = 0.02
# A word may be found so far from where a speech detector hears something; what is further away was invented.
TOLERANCE_SECONDS = 0.2


def fitted(starts: Sequence[float], ends: Sequence[float], within: Span) -> list[Span]:
    """The nearest times in order that leave every word some length; a crowded segment shares what it has."""
    count = len(starts)
    shortest = min(SHORTEST_WORD_SECONDS, within.seconds / max(count, 1))
    begins, latest = [], within.start
    for start in starts:
        begins.append(max(start, latest))
        latest = begins[-1] + shortest
    latest = within.end
    for index in reversed(range(count)):
        begins[index] = min(begins[index], latest - shortest)
        latest = begins[index]
    following = [*begins[1:], within.end]
    return [
        Span(begin, min(max(end, begin + shortest), after))
        for begin, end, after in zip(begins, ends, following, strict=True)
    ]


def is_spoken(span: Span, speech: Sequence[Span]) -> bool:
    """Whether somebody speaks then, or nearly then."""
    return any(_shared(span, Span(s.start - TOLERANCE_SECONDS, s.end + TOLERANCE_SECONDS)) > 0 for s in speech)


def without_pauses(word: Word, speech: Sequence[Span]) -> Word:
    """The word without the silence that lies before or after the stretch of speech it shares most with."""
    own = Span(word.start, word.end)
    nearest = max(speech, key=lambda span: _shared(own, span), default=own)
    if _shared(own, nearest) < SHORTEST_WORD_SECONDS:
        return word
    return replace(word, start=max(word.start, nearest.start), end=min(word.end, nearest.end))


def _shared(one: Span, other: Span) -> float:
    return min(one.end, other.end) - max(one.start, other.start)
