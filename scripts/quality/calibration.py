"""How far the probability of a word is the share of such words that are right, and the one temperature that helps.

Expected calibration error in 15 bins of equal width, and temperature scaling fitted by the likelihood of what was
right: Guo et al. 2017, "On Calibration of Modern Neural Networks". Brier 1950 for the score.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

BINS = 15
# Temperatures tried first; the best one's surroundings follow.
COARSE = tuple(0.4 * 1.15**step for step in range(17))
SURE = 1e-6


@dataclass(frozen=True, slots=True)
class Judged:
    """A word's probability, and whether it was the word that was said."""

    probability: float
    is_right: bool


@dataclass(frozen=True, slots=True)
class Bin:
    """The words whose probabilities lie in one bin."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def bins_of(words: Sequence[Judged], count: int = BINS) -> list[Bin]:
    """Bins of equal width from 0 to 1; what lies on a border belongs to the lower one, as in Guo et al."""
    groups: list[list[Judged]] = [[] for _ in range(count)]
    for word in words:
        groups[max(0, math.ceil(word.probability * count) - 1)].append(word)
    return [
        Bin(
            index / count,
            (index + 1) / count,
            len(group),
            sum(word.probability for word in group) / max(1, len(group)),
            sum(word.is_right for word in group) / max(1, len(group)),
        )
        for index, group in enumerate(groups)
    ]


def expected_calibration_error(words: Sequence[Judged]) -> float:
    """The mean distance between confidence and accuracy of the bins, by how many words are in each."""
    return sum(each.count * abs(each.confidence - each.accuracy) for each in bins_of(words)) / len(words)


def brier_score(words: Sequence[Judged]) -> float:
    return sum((word.probability - word.is_right) ** 2 for word in words) / len(words)


def surprise(words: Sequence[Judged]) -> float:
    """The mean negative log likelihood of what was right and what was wrong."""
    chances = (word.probability if word.is_right else 1 - word.probability for word in words)
    return -sum(math.log(max(SURE, chance)) for chance in chances) / len(words)


def best_temperature(judged_at: Callable[[float], Sequence[Judged]], coarse: Sequence[float] = COARSE) -> float:
    """The least surprising temperature: the best of the coarse ones, then the bottom of the curve through three."""
    found = [surprise(judged_at(temperature)) for temperature in coarse]
    best = min(range(len(found)), key=lambda index: found[index])
    if best in (0, len(found) - 1):
        return round(coarse[best], 3)
    before, here, after = found[best - 1 : best + 2]
    step = math.log(coarse[best + 1] / coarse[best])
    bend = before - 2 * here + after
    shift = 0.5 * (before - after) / bend * step if bend > 0 else 0.0
    return round(coarse[best] * math.exp(shift), 3)
