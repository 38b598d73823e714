"""Finds loops: the same words in a row, more often than people say them.

The compression ratio sees a loop only where the text is long; words can be counted in any text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

# Who stammers says a word three times, who counts or cheers perhaps six: a loop says at least eight words over again,
# in at least three rounds.
ROUNDS = 3
WORDS_SAID_AGAIN = 8


@dataclass(frozen=True, slots=True)
class Loop:
    """`rounds` times the same `length` words, the first of them at `start`."""

    start: int
    length: int
    rounds: int

    @property
    def repeated(self) -> range:
        """The words that the loop added to its first round."""
        return range(self.start + self.length, self.start + self.length * self.rounds)


def loop_in(words: Sequence[str]) -> Loop | None:
    """The loop that covers most of the words, if there is one; of equal ones that of the shortest round."""
    said = [_plain(word) for word in words]
    loops = [loop for length in range(1, len(said) // ROUNDS + 1) for loop in _loops_of(said, length)]
    return max(loops, key=lambda loop: len(loop.repeated), default=None)


def _loops_of(said: Sequence[str], length: int) -> list[Loop]:
    loops = []
    start = 0
    while start + length < len(said):
        place = start + length
        while place < len(said) and said[place] == said[place - length]:
            place += 1
        rounds = (place - start) // length
        if rounds >= ROUNDS and length * (rounds - 1) >= WORDS_SAID_AGAIN:
            loops.append(Loop(start, length, rounds))
        start = max(start + 1, place - length + 1)
    return loops


def _plain(word: str) -> str:
    """A word as it is heard: neither its case nor what stands around it."""
    return "".join(letter for letter in word.casefold() if letter.isalnum()) or word.strip()
