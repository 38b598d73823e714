"""Feedback by rules: the same answer gets the same score, in time linear in its text, without a model.

Each part is 0–100; the score is their weighted mean. A part that cannot be judged is left out, and the weights of the
others grow in proportion, so that they always sum to 1.

| part       | weight | judged against                                                   | left out when            |
|------------|--------|------------------------------------------------------------------|--------------------------|
| coverage   | 0.40   | the question's key points (2/3) and model answer (1/3)           | the question has neither |
| length     | 0.15   | half to one and a half times the model answer, else 50–300 words | never                    |
| pace       | 0.15   | 110–160 words a minute                                           | no duration, unspaced    |
| fillers    | 0.15   | 8 in 100 words leave half the points                             | not English, unspaced    |
| repetition | 0.15   | words said twice in a row; the share of different words          | unspaced                 |

Unspaced is a text mostly in a script without spaces (`words.py`). Nothing recognisable as a word scores 0.
"""

import time

from services.feedback.coverage import coverage
from services.feedback.delivery import length, pace
from services.feedback.evaluation import Evaluation, Feedback, FeedbackMetadata, FeedbackPart, SpokenAnswer
from services.feedback.fillers import fillers
from services.feedback.repetition import count_repeated, repetition
from services.feedback.scale import Finding
from services.feedback.words import count_words, is_mostly_unspaced, split_words

WEIGHTS = {"coverage": 0.40, "length": 0.15, "pace": 0.15, "fillers": 0.15, "repetition": 0.15}
NOTHING_SAID = "No words were heard in this answer, so there is nothing to score yet: try recording it again."


class RuleBasedFeedback:
    """Scores an answer by the table above; thread-safe, since it keeps nothing."""

    name = "rule_based"
    is_instant = True

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        """Score one answer, 0–100 to one decimal; any text is scored, none raises."""
        began = time.monotonic()
        feedback = self._score(answer)
        return Evaluation(feedback, FeedbackMetadata(self.name, None, round(1000 * (time.monotonic() - began))))

    def _score(self, answer: SpokenAnswer) -> Feedback:
        words = split_words(answer.text)
        if not words:
            return Feedback(0.0, (FeedbackPart("length", 0.0, 1.0, NOTHING_SAID),))
        found = {name: finding for name, finding in _findings(answer, words).items() if finding is not None}
        weight = sum(WEIGHTS[name] for name in found)
        parts = tuple(
            FeedbackPart(name, round(finding.score, 1), WEIGHTS[name] / weight, finding.comment)
            for name, finding in found.items()
        )
        return Feedback(round(sum(part.score * part.weight for part in parts), 1), parts)


def _findings(answer: SpokenAnswer, words: list[str]) -> dict[str, Finding | None]:
    number = count_words(words)
    is_spaced = not is_mostly_unspaced(words)
    model_words = count_words(split_words(answer.question.model_answer or ""))
    return {
        "coverage": coverage(answer.question, words),
        "length": length(number, model_words, repeated=count_repeated(words) if is_spaced else 0),
        "pace": pace(number, answer.duration_seconds) if is_spaced else None,
        "fillers": fillers(words) if is_spaced else None,
        "repetition": repetition(words) if is_spaced else None,
    }
