import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.feedback.coverage import coverage
from services.feedback.key_terms import key_terms
from services.feedback.scale import Finding
from services.feedback.words import split_words
from services.models import Question

POINTS = ("leading a team", "migration to the cloud", "measured results", "code review", "happy customers")
MODEL_ANSWER = "I led a team, the team moved the payment service to the cloud and the team measured the results."
VOCABULARY = st.sampled_from(split_words(" ".join(POINTS) + MODEL_ANSWER + "unrelated words of somebody"))


def question(*, points: tuple[str, ...] = (), model_answer: str | None = None) -> Question:
    return Question("q1", "Tell us about a project.", model_answer, points)


def covered(text: str, *, points: tuple[str, ...] = (), model_answer: str | None = None) -> Finding:
    finding = coverage(question(points=points, model_answer=model_answer), split_words(text))
    assert finding is not None
    return finding


def test_without_key_points_and_model_answer_there_is_nothing_to_cover():
    assert coverage(question(), ["anything"]) is None
    assert coverage(question(points=("🎉",), model_answer="…"), ["anything"]) is None


def test_points_said_in_other_forms_are_covered():
    finding = covered("i led teams and customers were happy", points=("leading a team", "happy customers"))

    assert finding.score == 100
    assert finding.comment == "You covered 2 of 2 key points: nothing is missing."


def test_missing_points_are_named_and_at_most_three():
    finding = covered("we did code reviews", points=POINTS)

    assert finding.score == pytest.approx(20)
    assert "1 of 5 key points" in finding.comment
    assert [point for point in POINTS if f"“{point}”" in finding.comment] == list(POINTS[:3])


def test_half_a_point_earns_part_of_it_and_is_still_named():
    finding = covered("the results", points=("measured results",))

    assert 0 < finding.score < 100
    assert "“measured results”" in finding.comment


def test_a_model_answer_need_not_be_repeated_word_for_word():
    finding = covered("our team moved payment services to the cloud", model_answer=MODEL_ANSWER)

    assert finding.score == 100
    assert "5 of 8 key terms" in finding.comment


def test_a_rare_term_of_the_model_answer_weighs_more_than_a_frequent_one():
    frequent = covered("team", model_answer=MODEL_ANSWER).score
    rare = covered("payment", model_answer=MODEL_ANSWER).score

    assert 0 < frequent < rare


def test_the_rarest_missing_terms_of_the_model_answer_are_named_first():
    finding = covered("hello", model_answer="team team team team cloud budget release")

    assert "did not mention “cloud”, “budget” and “release”" in finding.comment


def test_key_points_weigh_twice_as_much_as_the_model_answer():
    text = "nothing of it"
    points_only = covered(f"{text} measured results", points=("measured results",), model_answer="other words entirely")
    model_only = covered(
        f"{text} other words entirely", points=("measured results",), model_answer="other words entirely"
    )

    assert points_only.score == pytest.approx(200 / 3)
    assert model_only.score == pytest.approx(100 / 3)


@settings(deadline=None)
@given(st.lists(VOCABULARY, max_size=30), VOCABULARY)
def test_saying_one_more_word_never_lowers_coverage(words, word):
    before = covered(" ".join(words), points=POINTS, model_answer=MODEL_ANSWER)
    after = covered(" ".join([*words, word]), points=POINTS, model_answer=MODEL_ANSWER)

    assert after.score >= before.score


@settings(deadline=None)
@given(st.lists(VOCABULARY, max_size=20))
def test_adding_a_missing_term_raises_a_coverage_that_was_not_full(words):
    text = " ".join(words)
    said = {term for word in words for term in key_terms(word).occurrences}
    missing = next((word for term, word in key_terms(MODEL_ANSWER).spellings.items() if term not in said), None)
    before = covered(text, model_answer=MODEL_ANSWER).score
    assume(missing is not None and before < 100)

    assert covered(f"{text} {missing}", model_answer=MODEL_ANSWER).score > before


def test_a_long_or_hostile_key_point_is_named_short_and_clean():
    finding = covered("hello", points=("bad\x00\ud800point\n" + "word " * 1000,))

    assert len(finding.comment) < 150
    assert finding.comment.isprintable()
    assert finding.comment.encode()
