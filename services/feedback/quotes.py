"""Finds what a model says it quotes. Its word is never taken for where something stands, or that it was said."""

from bisect import bisect_left
from itertools import accumulate

from services.feedback.scale import Spot
from services.feedback.words import ReadText, split_words

# Of one word anything could be evidence.
SHORTEST_QUOTE_WORDS = 2


class Quotes:
    """The words of one transcript, made to be searched in."""

    def __init__(self, text: ReadText) -> None:
        self._words = f" {' '.join(text.words)} "
        # Where the space before each word is.
        self._spaces = [0, *accumulate(len(word) + 1 for word in text.words)]

    def find(self, quote: str) -> Spot | None:
        """Where these words first stand in this order, whatever their punctuation; None where they do not."""
        words = split_words(quote)
        if len(words) < SHORTEST_QUOTE_WORDS:
            return None
        at = self._words.find(f" {' '.join(words)} ")
        if at < 0:
            return None
        start = bisect_left(self._spaces, at)
        return Spot(start, start + len(words))
