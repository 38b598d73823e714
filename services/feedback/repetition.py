"""Repetition: words and phrases said twice in a row, and how varied the words are."""

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from services.feedback.english import FUNCTION_WORDS
from services.feedback.scale import (
    MOST_CITED,
    Finding,
    Spot,
    counted,
    evidence,
    falling,
    per_hundred,
    shortened,
    within,
)

WINDOW_WORDS = 50
VARIED_ENOUGH = 0.65
LONGEST_PHRASE = 4
# English says these twice on purpose or by its grammar: "very very", "he had had".
_MEANT_TWICE = frozenset({"very", "really", "so", "had", "that", "more", "many", "much"})


def repetition(words: Sequence[str]) -> Finding:
    """The weaker of two: words repeated at once (50 points at 10 in 100) and variety (full marks from 0.65 on)."""
    again = repeats(words)
    repeated = sum(spot.end - spot.start for spot in again)
    variety = moving_average_type_token_ratio(words)
    at_once = falling(per_hundred(repeated, len(words)), half=10)
    varied = within(variety, VARIED_ENOUGH, 1.0, width=0.5)
    distinct = f"{100 * variety:.0f} % of your words were different ones"
    spots = tuple(Spot(2 * spot.start - spot.end, spot.end) for spot in again[:MOST_CITED])
    if varied < at_once and varied < 90:
        spots = _frequent(words)
        comment = f"You came back to the same words often ({distinct} in any stretch): try other words for them."
    elif at_once < 90:
        comment = f"You said {counted(repeated, 'word')} again right away: pause before you start over."
    elif evidence(len(words)) < 1:
        comment = "You repeated nothing, but this was too short to tell how varied your wording is."
    else:
        comment = f"Your wording is varied: {distinct} in any stretch of {min(WINDOW_WORDS, len(words))}."
    return Finding(min(at_once, varied) * evidence(len(words)), comment, spots)


def count_repeated(words: Sequence[str]) -> int:
    """How many words repeat, at once, the word or the phrase of up to four words before them."""
    return sum(spot.end - spot.start for spot in repeats(words))


def repeats(words: Sequence[str]) -> list[Spot]:
    """The words that do, without what they repeat."""
    found = []
    place = 1
    while place < len(words):
        length = _repeated_phrase(words, place)
        if length:
            found.append(Spot(place, place + length))
        place += length or 1
    return found


def moving_average_type_token_ratio(words: Sequence[str]) -> float:
    """The share of different words, 0–1, averaged over every window of 50 words; over the whole of a shorter text.

    Unlike the plain ratio it does not fall as a text grows: M. A. Covington and J. D. McFall, "Cutting the Gordian
    knot: the moving-average type–token ratio (MATTR)", Journal of Quantitative Linguistics 17(2), 2010, 94–100.
    """
    if not words:
        return 0.0
    window = min(WINDOW_WORDS, len(words))
    inside = Counter(words[:window])
    different = len(inside)
    for leaving, entering in zip(words, words[window:], strict=False):
        inside[entering] += 1
        inside[leaving] -= 1
        if not inside[leaving]:
            del inside[leaving]
        different += len(inside)
    return different / (window * (len(words) - window + 1))


def _frequent(words: Sequence[str]) -> tuple[Spot, ...]:
    """Where the three words were said that were said most, function words aside where there are others."""
    said = Counter(word for word in words if word not in FUNCTION_WORDS) or Counter(words)
    most = {word for word, _ in said.most_common(3)}
    places = (Spot(place, place + 1, shortened(word, 60)) for place, word in enumerate(words) if word in most)
    return tuple(islice(places, MOST_CITED))


def _repeated_phrase(words: Sequence[str], place: int) -> int:
    if words[place] == words[place - 1]:
        return 0 if words[place] in _MEANT_TWICE else 1
    for length in range(min(LONGEST_PHRASE, place), 1, -1):
        if words[place : place + length] == words[place - length : place]:
            return length
    return 0
