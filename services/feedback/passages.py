"""Where a point was made: the shortest stretch of words in which all of its terms that were said occur."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from services.feedback.key_terms import KeyTerms
from services.feedback.scale import Spot

# Each term's places, as `spoken_terms` gives them.
Said = Mapping[str, Sequence[tuple[int, int]]]
Place = tuple[int, int, str]

# Words that stand no farther apart are cited as one passage.
NEAR_WORDS = 4
MOST_PASSAGES = 2


def passages(terms: KeyTerms, said: Said, point: str) -> list[Spot]:
    """The words of the stretch that are the terms, near ones as one passage; two passages of the most terms at most."""
    places = sorted((start, end, term) for term in terms.occurrences for start, end in said.get(term, ()))
    joined = _joined(_shortest(places))
    fullest = sorted(joined, key=lambda passage: -len(passage))[:MOST_PASSAGES]
    return [Spot(passage[0][0], max(end for _, end, _ in passage), point) for passage in sorted(fullest)]


def _shortest(places: Sequence[Place]) -> Sequence[Place]:
    """Each term once, in the shortest stretch that holds all of them: one walk with two ends."""
    wanted = len({term for _, _, term in places})
    inside: Counter[str] = Counter()
    best, shortest, left = slice(0), math.inf, 0
    for right, (_, end, term) in enumerate(places):
        inside[term] += 1
        while inside[places[left][2]] > 1:
            inside[places[left][2]] -= 1
            left += 1
        if len(inside) == wanted and end - places[left][0] < shortest:
            best, shortest = slice(left, right + 1), end - places[left][0]
    return list({place[2]: place for place in places[best]}.values())


def _joined(places: Iterable[Place]) -> list[list[Place]]:
    joined: list[list[Place]] = []
    for place in sorted(places):
        if joined and place[0] - joined[-1][-1][1] <= NEAR_WORDS:
            joined[-1].append(place)
        else:
            joined.append([place])
    return joined
