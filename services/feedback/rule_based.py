"""Feedback by rules: the same answer gets the same score, in time linear in its text, without a model.

Each part is 0–100; the score is their weighted mean. A part that cannot be judged is left out, and the weights of the
others grow in proportion, so that they always sum to 1.

| part       | weight | judged against                                                   | left out when            |
|------------|--------|------------------------------------------------------------------|--------------------------|
| coverage   | 0.40   | the question's key points (2/3) and model answer (1/3)           | the question has neither |
| length     | 0.12   | half to one and a half times the model answer, else 50–300 words | never                    |
| pace       | 0.12   | 110–160 words a minute                                           | no duration, unspaced    |
| fillers    | 0.12   | 8 in 100 words leave half the points                             | not English, unspaced    |
| pauses     | 0.12   | the longest one, against 4 s                                     | not known                |
| repetition | 0.12   | words said twice in a row; the share of different words          | unspaced                 |

The last four have this weight only where `SCORE_DELIVERY` is set, else none (ADR 038 says why). Unspaced is a text
mostly in a script without spaces (`words.py`). Nothing recognisable as a word scores 0.
"""

import time

from services.feedback.coverage import coverage
from services.feedback.delivery import delivery, length
from services.feedback.evaluation import Evaluation, Feedback, FeedbackMetadata, SpokenAnswer
from services.feedback.parts import feedback_of, nothing_said, weights_of
from services.feedback.repetition import count_repeated
from services.feedback.scale import Finding, Spot
from services.feedback.words import ReadText, count_words, is_mostly_unspaced, read, split_words

CONTENT_WEIGHTS = {"coverage": 0.40, "length": 0.12}


class RuleBasedFeedback:
    """Scores an answer by the table above; thread-safe, since it keeps nothing of an answer."""

    name = "rule_based"
    is_instant = True

    def __init__(self, *, scores_delivery: bool = False) -> None:
        self._weights = weights_of(CONTENT_WEIGHTS, scores_delivery=scores_delivery)

    def evaluate(self, answer: SpokenAnswer) -> Evaluation:
        """Score one answer, 0–100 to one decimal; any text is scored, none raises."""
        began = time.monotonic()
        feedback = self._score(answer)
        return Evaluation(feedback, FeedbackMetadata(self.name, None, round(1000 * (time.monotonic() - began))))

    def _score(self, answer: SpokenAnswer) -> Feedback:
        text = read(answer.text)
        if not text.words:
            return nothing_said()
        findings = {
            "coverage": coverage(answer.question, text.words),
            "length": _length(answer, text),
            **delivery(answer, text),
        }
        return feedback_of(text, findings, self._weights)


def _length(answer: SpokenAnswer, text: ReadText) -> Finding:
    """It rests on every word."""
    repeated = 0 if is_mostly_unspaced(text.words) else count_repeated(text.words)
    model_words = count_words(split_words(answer.question.model_answer or ""))
    found = length(count_words(text.words), model_words, repeated=repeated)
    return Finding(found.score, found.comment, (Spot(0, len(text.words)),))
