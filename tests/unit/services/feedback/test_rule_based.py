import math

import pytest

from services.feedback.evaluation import Feedback, SpokenAnswer
from services.feedback.rule_based import NOTHING_SAID, WEIGHTS, RuleBasedFeedback
from services.models import Question

PLAIN = Question("q1", "Tell us about yourself.")
ASKED = Question("q1", "Tell us about a project.", "We moved the service to the cloud.", ("moved to the cloud", "cost"))
GOOD = """i led a team of five engineers last year and we moved the payment service to the cloud because customers far
away waited much longer than everybody else before we began i asked every engineer which part worried them most and
wrote a plan from their answers the move took three months and cost less than we had thought"""


def score(text: str, *, question: Question = PLAIN, seconds: float = 25.0) -> Feedback:
    return RuleBasedFeedback().evaluate(SpokenAnswer(question, text, seconds)).feedback


def names(feedback: Feedback) -> list[str]:
    return [part.name for part in feedback.parts]


def test_a_good_answer_scores_high_with_a_sentence_for_each_part():
    feedback = score(GOOD, question=Question("q1", "?", GOOD, ("moved to the cloud",)))

    assert feedback.score >= 95
    assert names(feedback) == list(WEIGHTS)
    assert all(part.comment.endswith(".") for part in feedback.parts)


def test_an_answer_to_the_point_beats_one_beside_it():
    beside = GOOD.replace("cloud", "garden").replace("moved", "painted").replace("cost", "colour")

    assert score(GOOD, question=ASKED).score > score(beside, question=ASKED).score


def test_the_table_of_weights_sums_to_one():
    assert math.fsum(WEIGHTS.values()) == pytest.approx(1)


def test_the_score_is_the_weighted_mean_of_the_parts():
    feedback = score(GOOD, question=ASKED)

    assert feedback.score == round(sum(part.score * part.weight for part in feedback.parts), 1)


def test_without_points_and_model_answer_the_other_weights_grow_in_proportion():
    weights = {part.name: part.weight for part in score(GOOD).parts}

    assert weights == pytest.approx({"length": 0.25, "pace": 0.25, "fillers": 0.25, "repetition": 0.25})


def test_without_a_duration_pace_is_left_out():
    assert "pace" not in names(score(GOOD, seconds=0.0))


@pytest.mark.parametrize("text", ["", "   ", "\x00\x00", "🎉🎉", "\ud800", "…?!"])
def test_nothing_said_scores_nothing_and_says_so_once(text):
    feedback = score(text, question=ASKED)

    assert feedback.score == 0
    assert [part.comment for part in feedback.parts] == [NOTHING_SAID]


def test_a_loop_of_one_word_is_no_good_answer():
    assert score("you " * 200, seconds=90.0).score < 30


def test_punctuation_and_capitals_earn_nothing():
    written = "We moved the service, to the Cloud. It cost less!"

    assert score(written, question=ASKED) == score(written.lower().translate({44: "", 46: "", 33: ""}), question=ASKED)


def test_german_is_scored_without_english_fillers():
    text = "er kam um acht uhr und brachte um neun uhr den kollegen kaffee weil alle müde waren"

    assert names(score(text)) == ["length", "pace", "repetition"]


def test_chinese_is_scored_by_coverage_and_length_only():
    question = Question("q1", "?", None, ("系统迁移", "成本"))
    feedback = score("我领导了一个团队并且我们完成了系统迁移" * 5, question=question)

    assert names(feedback) == ["coverage", "length"]
    assert "1 of 2 key points" in feedback.parts[0].comment
    assert feedback.parts[1].score == pytest.approx(97, abs=3)
