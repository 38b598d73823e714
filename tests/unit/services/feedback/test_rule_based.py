import math

import pytest

from services.feedback.evaluation import Feedback, SpokenAnswer
from services.feedback.parts import DELIVERY_WEIGHTS, NOTHING_SAID, weights_of
from services.feedback.rule_based import CONTENT_WEIGHTS, RuleBasedFeedback
from services.models import Question

PLAIN = Question("q1", "Tell us about yourself.")
ASKED = Question("q1", "Tell us about a project.", "We moved the service to the cloud.", ("moved to the cloud", "cost"))
GOOD = """i led a team of five engineers last year and we moved the payment service to the cloud because customers far
away waited much longer than everybody else before we began i asked every engineer which part worried them most and
wrote a plan from their answers the move took three months and cost less than we had thought"""


def score(
    text: str,
    *,
    question: Question = PLAIN,
    seconds: float = 25.0,
    pause: float | None = 1.0,
    scores_delivery: bool = False,
) -> Feedback:
    answer = SpokenAnswer(question, text, seconds, longest_pause_seconds=pause)
    return RuleBasedFeedback(scores_delivery=scores_delivery).evaluate(answer).feedback


def names(feedback: Feedback) -> list[str]:
    return [part.name for part in feedback.parts]


def test_a_good_answer_scores_high_with_a_sentence_for_each_part():
    feedback = score(GOOD, question=Question("q1", "?", GOOD, ("moved to the cloud",)))

    assert feedback.score >= 95
    assert names(feedback) == [*CONTENT_WEIGHTS, *DELIVERY_WEIGHTS]
    assert all(part.comment.endswith(".") for part in feedback.parts)


def test_an_answer_to_the_point_beats_one_beside_it():
    beside = GOOD.replace("cloud", "garden").replace("moved", "painted").replace("cost", "colour")

    assert score(GOOD, question=ASKED).score > score(beside, question=ASKED).score


def test_the_table_of_weights_sums_to_one():
    assert math.fsum(weights_of(CONTENT_WEIGHTS, scores_delivery=True).values()) == pytest.approx(1)


def test_the_score_is_the_weighted_mean_of_the_parts():
    feedback = score(GOOD, question=ASKED)

    assert feedback.score == round(sum(part.score * part.weight for part in feedback.parts), 1)


def test_without_points_and_model_answer_the_other_weights_grow_in_proportion():
    weights = {part.name: part.weight for part in score(GOOD, scores_delivery=True).parts}

    assert weights == pytest.approx(dict.fromkeys(["length", "pace", "fillers", "pauses", "repetition"], 0.2))


@pytest.mark.parametrize(
    ("text", "seconds", "pause"),
    [
        (GOOD, 250.0, 1.0),
        (GOOD, 8.0, 1.0),
        (GOOD, 25.0, 60.0),
        (GOOD.replace(" we ", " um uh we you know "), 25.0, 1.0),
        (GOOD.replace(" we ", " we we we we we "), 25.0, 1.0),
    ],
    ids=["slow", "fast", "a long pause", "fillers", "stammered"],
)
def test_how_somebody_speaks_is_shown_and_moves_no_score(text, seconds, pause):
    question = Question("q1", "?", None, ("moved to the cloud", "the budget"))
    spoken = score(text, question=question, seconds=seconds, pause=pause)

    assert spoken.score == score(GOOD, question=question).score < 100
    shown = {part.name: part for part in spoken.parts}
    assert all(shown[name].weight == 0 and shown[name].comment for name in DELIVERY_WEIGHTS)
    assert min(shown[name].score for name in DELIVERY_WEIGHTS) < 85


def test_delivery_counts_where_the_settings_say_so():
    slow, easy = (score(GOOD, seconds=seconds, scores_delivery=True) for seconds in (250.0, 25.0))

    assert slow.score < easy.score


def test_a_long_pause_is_told_with_its_seconds():
    part = next(part for part in score(GOOD, pause=12.25).parts if part.name == "pauses")

    assert part.score < 40
    assert part.comment == "Your longest pause was 12.2 s: a word that you are thinking bridges it."


@pytest.mark.parametrize("pause", [None, math.nan, math.inf, -1.0])
def test_where_nobody_knows_the_pauses_they_are_left_out(pause):
    assert "pauses" not in names(score(GOOD, pause=pause))


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

    bare = score(written.lower().translate({44: "", 46: "", 33: ""}), question=ASKED)
    assert [(part.name, part.score) for part in score(written, question=ASKED).parts] == [
        (part.name, part.score) for part in bare.parts
    ]


def test_german_is_scored_without_english_fillers():
    text = "er kam um acht uhr und brachte um neun uhr den kollegen kaffee weil alle müde waren"

    assert names(score(text)) == ["length", "pace", "pauses", "repetition"]


def test_chinese_is_scored_by_coverage_and_length_only():
    question = Question("q1", "?", None, ("系统迁移", "成本"))
    feedback = score("我领导了一个团队并且我们完成了系统迁移" * 5, question=question, pause=None)

    assert names(feedback) == ["coverage", "length"]
    assert "1 of 2 key points" in feedback.parts[0].comment
    assert feedback.parts[1].score == pytest.approx(97, abs=3)
