"""Coverage: how much of what the question asks for was said."""

import math
from collections.abc import Mapping, Sequence

from services.feedback.key_terms import KeyTerms, key_terms, spoken_terms
from services.feedback.passages import Said, passages
from services.feedback.scale import Finding, Spot, counted, listed, quoted, shortened
from services.models import Question

# Nobody repeats a written answer word for word: this share of its terms earns full marks.
COVERED_SHARE = 0.6
KEY_POINTS_WEIGHT = 2 / 3
NAMED_AT_MOST = 3
MOST_TERMS_CITED = 20


def coverage(question: Question, words: Sequence[str]) -> Finding | None:
    """Against the key points and the model answer, two to one; None where neither holds a word."""
    said = spoken_terms(words)
    points = _key_points(question.key_points, said)
    model = _model_answer(question.model_answer or "", said)
    if points is None or model is None:
        return points or model
    score = KEY_POINTS_WEIGHT * points.score + (1 - KEY_POINTS_WEIGHT) * model.score
    comment = f"{points.comment.removesuffix('.')}; {model.comment[0].lower()}{model.comment[1:]}"
    return Finding(score, comment, points.spots + model.spots)


def _key_points(points: Sequence[str], said: Said) -> Finding | None:
    """The mean over the points of each one's share of spoken terms, full marks from `COVERED_SHARE` on."""
    shares = [(point, _share(terms, said)) for point in points if (terms := key_terms(point))]
    if not shares:
        return None
    missing = [point for point, share in shares if share < COVERED_SHARE]
    spots = tuple(spot for point in points for spot in passages(key_terms(point), said, shortened(point, 120)))
    score = 100 * math.fsum(_credit(share) for _, share in shares) / len(shares)
    covered = f"You covered {len(shares) - len(missing)} of {counted(len(shares), 'key point')}"
    if not missing:
        return Finding(score, f"{covered}: nothing is missing.", spots)
    named = listed([quoted(point) for point in missing[:NAMED_AT_MOST]])
    return Finding(score, f"{covered}; next time, also speak about {named}.", spots)


def _model_answer(text: str, said: Said) -> Finding | None:
    """The share of the model answer's terms that were said, a rare term weighing more than a frequent one.

    A term's weight is log(1 + N/n), N terms in all and n times this one: the idea of inverse document frequency
    (Spärck Jones 1972) inside one text.
    """
    terms = key_terms(text)
    if not terms:
        return None
    total = terms.occurrences.total()
    weights = {term: math.log1p(total / times) for term, times in terms.occurrences.items()}
    missing = sorted((term for term in weights if term not in said), key=weights.__getitem__, reverse=True)
    share = 1 - math.fsum(weights[term] for term in missing) / math.fsum(weights.values())
    used = f"You used {len(weights) - len(missing)} of {counted(len(weights), 'key term')} of the model answer"
    spots = _rarest(weights, terms, said)
    if not missing:
        return Finding(100.0, f"{used}: all of them.", spots)
    named = listed([quoted(terms.spellings[term]) for term in missing[:NAMED_AT_MOST]])
    return Finding(100 * _credit(share), f"{used} but did not mention {named}.", spots)


def _rarest(weights: Mapping[str, float], terms: KeyTerms, said: Said) -> tuple[Spot, ...]:
    """Where the terms that count for most were said first."""
    found = sorted((term for term in weights if term in said), key=lambda term: -weights[term])[:MOST_TERMS_CITED]
    return tuple(sorted((Spot(*said[term][0], shortened(terms.spellings[term], 120)) for term in found), key=_start))


def _start(spot: Spot) -> int:
    return spot.start


def _share(terms: KeyTerms, said: Said) -> float:
    return sum(term in said for term in terms.occurrences) / len(terms.occurrences)


def _credit(share: float) -> float:
    return min(1.0, max(0.0, share / COVERED_SHARE))
