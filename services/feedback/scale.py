"""The 0–100 scale: smooth curves without cliffs, and how findings are put into words."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SHORTEST_SAMPLE_WORDS = 25
FULL_EVIDENCE_WORDS = 10
# What is found a hundred times is shown by its first times.
MOST_CITED = 20


@dataclass(frozen=True, slots=True)
class Spot:
    """Words that a finding rests on, from `start` to before `end` of those it was found in; `point` as in evidence."""

    start: int
    end: int
    point: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What one aspect of an answer is worth, 0–100, a sentence for the person, and the words that both rest on."""

    score: float
    comment: str
    spots: tuple[Spot, ...] = ()


def within(value: float, low: float, high: float, *, width: float) -> float:
    """100 between `low` and `high`; outside, a bell over the logarithm of the ratio to the nearer end.

    `width` is the log ratio at which 37 points are left (1/e of 100); the slope is zero at both ends of the band.
    """
    if value <= 0:
        return 0.0
    ratio = max(math.log(low) - math.log(value), math.log(value) - math.log(high), 0.0)
    return 100 * math.exp(-((ratio / width) ** 2))


def falling(rate: float, *, half: float) -> float:
    """100 at a rate of nothing, falling smoothly, 50 at `half`."""
    return 100 / (1 + (rate / half) ** 2)


def per_hundred(occurrences: int, words: int) -> float:
    """Occurrences per 100 words; a short text counts as 25 words, so that one slip in a sentence is not a habit."""
    return 100 * occurrences / max(words, SHORTEST_SAMPLE_WORDS)


def evidence(words: int) -> float:
    """The share, 0–1, of a faultless score that a text has earned: nobody is fluent in one word."""
    return min(1.0, words / FULL_EVIDENCE_WORDS)


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(phrases: Sequence[str]) -> str:
    *most, last = phrases
    return f"{', '.join(most)} and {last}" if most else last


def quoted(text: str) -> str:
    """At most 60 characters of somebody's text on one line, safe to store and to send."""
    return f"“{shortened(text, 60)}”"


def shortened(text: str, most: int) -> str:
    """The same without quotation marks, of at most so many characters."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[:1000])
    line = " ".join(printable.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"
