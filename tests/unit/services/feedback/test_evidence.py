"""What a score rests on can be shown: every piece of evidence is words of the transcript."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.evaluation import Evidence, SpokenAnswer
from services.feedback.rule_based import RuleBasedFeedback
from services.feedback.words import read, split_words
from services.models import Question

WORDS = st.sampled_from(["um", "Team,", "the", "cloud", "—", "we", "we", "moved", "e-mail", "云端", "'", "I", "led"])


def cited(text: str, part: str, *, points: tuple[str, ...] = (), model_answer: str | None = None) -> list[Evidence]:
    answer = SpokenAnswer(Question("q1", "?", model_answer, points), text, 60.0)
    feedback = RuleBasedFeedback().evaluate(answer).feedback
    return list(next(each for each in feedback.parts if each.name == part).evidence)


def words_at(text: str, evidence: Evidence) -> str:
    return " ".join(text.split()[evidence.start_word : evidence.end_word])


def test_a_key_point_names_the_words_that_cover_it():
    text = "Well, first of all I led a small team. Then we moved it all to the cloud."
    led, cloud = cited(text, "coverage", points=("leading a team", "moved to the cloud", "the budget"))

    assert (led.point, words_at(text, led)) == ("leading a team", "led a small team.")
    assert (cloud.point, words_at(text, cloud)) == ("moved to the cloud", "moved it all to the cloud.")
    assert led.quote == "led a small team."


def test_a_point_is_found_where_its_terms_stand_together_and_not_where_one_of_them_stood_first():
    text = "The cloud was new to us. It took a year and much work until we moved the service to the cloud."

    assert [words_at(text, each) for each in cited(text, "coverage", points=("service in the cloud",))] == [
        "service to the cloud."
    ]


def test_terms_of_the_model_answer_are_cited_by_their_names():
    text = "We had migrations, and then customers were happy."
    found = cited(text, "coverage", model_answer="The migration made customers happy.")

    assert [(each.point, words_at(text, each)) for each in found] == [
        ("migration", "migrations,"),
        ("customers", "customers"),
        ("happy", "happy."),
    ]


def test_fillers_and_repetitions_are_found_where_they_were_said():
    text = "Um, we had, you know, a plan. I mean I was I was tired, and the plan — it was good for all of us."

    assert [(each.point, words_at(text, each)) for each in cited(text, "fillers")] == [
        ("um", "Um,"),
        ("you know", "you know,"),
        ("i mean", "I mean"),
    ]
    assert [words_at(text, each) for each in cited(text, "repetition")] == ["I was I was"]


def test_words_that_came_back_too_often_are_shown():
    text = "the plan was good and a plan is good so the good plan was a good plan " * 5

    assert {each.point for each in cited(text, "repetition")} == {"plan", "good"}


def test_a_script_without_spaces_is_cited_by_what_split_gives():
    text = "我们把系统迁移到云端。 然后休息。"

    assert [words_at(text, each) for each in cited(text, "coverage", points=("系统迁移",))] == [
        "我们把系统迁移到云端。"
    ]


def test_a_point_that_was_not_made_has_no_evidence():
    assert cited("we had a plan", "coverage", points=("leading a team",)) == []


def test_what_is_found_a_thousand_times_is_cited_by_its_first_times():
    found = cited("um we had a plan for the release " * 1000, "fillers")

    assert [each.start_word for each in found] == [8 * number for number in range(20)]


@pytest.mark.parametrize("text", ["e-mail isn't 'quoted' — …", "\ud800 a\x00b c\x1cd", "我们 把系统", "'''", ""])
def test_words_know_their_places(text):
    found = read(text)

    assert list(found.words) == split_words(text)
    assert list(found.written) == text.split()
    assert all(word in split_words(found.written[place]) for word, place in zip(found.words, found.places, strict=True))


@settings(deadline=None)
@given(st.lists(WORDS, max_size=60).map(" ".join), st.lists(WORDS, min_size=1, max_size=5).map(" ".join))
def test_evidence_of_a_point_holds_words_of_the_point(text, point):
    for evidence in (
        cited(text, "coverage", points=(point,)) if text and split_words(point) and split_words(text) else ()
    ):
        cited_words = set(split_words(words_at(text, evidence)))
        assert evidence.point
        assert cited_words & set(split_words(point))
