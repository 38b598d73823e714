"""Parts of a score out of findings: their weights, and the words of the transcript that each rests on."""

import math
from collections.abc import Mapping, Sequence
from itertools import islice

from services.feedback.evaluation import Evidence, Feedback, FeedbackPart
from services.feedback.scale import Finding, Spot, shortened
from services.feedback.words import ReadText

# They say how somebody speaks and not what: shown, and without weight where `SCORE_DELIVERY` is off.
DELIVERY_WEIGHTS: Mapping[str, float] = {"pace": 0.12, "fillers": 0.12, "pauses": 0.12, "repetition": 0.12}
# The share of the content, whoever judges it, beside a delivery that counts.
CONTENT_SHARE = 1 - math.fsum(DELIVERY_WEIGHTS.values())

NOTHING_SAID = "No words were heard in this answer, so there is nothing to score yet: try recording it again."
LONGEST_QUOTE = 120


def nothing_said() -> Feedback:
    return Feedback(0.0, (FeedbackPart("length", 0.0, 1.0, NOTHING_SAID),))


def weights_of(content: Mapping[str, float], *, scores_delivery: bool) -> dict[str, float]:
    """What each part weighs against the others, of `content`, which sums to `CONTENT_SHARE`, and of the delivery."""
    return {**content, **(DELIVERY_WEIGHTS if scores_delivery else dict.fromkeys(DELIVERY_WEIGHTS, 0.0))}


def feedback_of(text: ReadText, findings: Mapping[str, Finding | None], weights: Mapping[str, float]) -> Feedback:
    """The weighted mean; a part that could not be judged is left out, and the others grow in proportion."""
    found = {name: finding for name, finding in findings.items() if finding is not None}
    total = math.fsum(weights[name] for name in found)
    parts = tuple(
        FeedbackPart(
            name, round(finding.score, 1), weights[name] / total, finding.comment, evidence_of(text, finding.spots)
        )
        for name, finding in found.items()
    )
    return Feedback(round(sum(part.score * part.weight for part in parts), 1), parts)


def evidence_of(text: ReadText, spots: Sequence[Spot]) -> tuple[Evidence, ...]:
    """Where the words stand in the transcript; words of one place that are evidence of one point are cited once."""
    cited = {_cited(text, spot) for spot in spots}
    return tuple(sorted(cited, key=lambda each: (each.start_word, each.end_word, each.point or "")))


def _cited(text: ReadText, spot: Spot) -> Evidence:
    start, end = text.places[spot.start], text.places[spot.end - 1] + 1
    # A word has a letter at least: what is over the longest quote is cut away anyway.
    words = islice(text.written, start, min(end, start + LONGEST_QUOTE))
    quote = shortened(" ".join(word[:LONGEST_QUOTE] for word in words), LONGEST_QUOTE)
    return Evidence(start, end, quote, spot.point)
