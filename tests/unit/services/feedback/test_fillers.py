import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.fillers import fillers, part
from services.feedback.words import split_words

FILLERS = ["um", "uh", "er", "uhm", "ummm", "you know", "i mean", "sort of", "kind of", "basically", "actually"]
WORDS = "i led a team of six people and we like what the team was able to do so like you know of mean kind"


def found(text: str) -> dict[str, int]:
    return dict(part(split_words(text)).fillers)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("um i think uh it works", {"um": 1, "uh": 1}),
        ("ummm it was er fine", {"ummm": 1, "er": 1}),
        ("it was you know hard and i mean slow", {"you know": 1, "i mean": 1}),
        ("it was kind of slow and sort of big", {"kind of": 1, "sort of": 1}),
        ("it was sort um of big", {"sort of": 1, "um": 1}),
        ("it basically worked", {"basically": 1}),
        ("and like i was alone", {"like": 1}),
        ("the um like big system", {"um": 1, "like": 1}),
    ],
)
def test_fillers_are_counted(text, expected):
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "i like my team and i would like to learn",
        "it looks like rain and feels like snow",
        "people like us and a system like this",
        "do you know what i mean",
        "as you know it is a kind of magic",
        "what kind of work is this",
        "the error was human and the umbrella mattered",
        "and like most people i was tired",
    ],
)
def test_the_same_words_doing_their_work_are_no_fillers(text):
    assert found(text) == {}


def test_a_hesitation_before_a_verb_does_not_make_the_verb_a_filler():
    assert found("i um like the team") == {"um": 1}


def test_fillers_are_named_with_their_numbers():
    finding = fillers(split_words("um we had um a plan for it and you know it worked for all of us"))

    assert finding is not None
    assert "3 fillers (“um” and “you know”) next to 13 other words" in finding.comment


def test_clean_english_has_full_marks():
    finding = fillers(split_words("we had a plan for the release and it worked for all of us"))

    assert finding is not None
    assert finding.score == 100


def test_other_languages_are_not_searched_for_english_fillers():
    assert fillers(split_words("gestern kam er um acht Uhr und brachte er uns Kuchen")) is None


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), max_size=60), st.data())
def test_inserting_a_filler_anywhere_never_raises_the_score(words, data):
    place = data.draw(st.integers(0, len(words)))
    filler = data.draw(st.sampled_from(FILLERS)).split()
    preceding = part(words[:place]).words[-1:]
    inserted = fillers([*words[:place], *filler, *words[place:]])
    before = fillers(words)

    if not _is_grammatical_after(preceding, filler) and before is not None and inserted is not None:
        assert inserted.score <= before.score


def _is_grammatical_after(preceding: list[str], filler: list[str]) -> bool:
    """Whether the inserted words are no filler in that place: "a kind of", "what you know"."""
    return not part([*preceding, *filler]).fillers


@settings(deadline=None)
@given(st.lists(st.sampled_from(WORDS.split()), min_size=1, max_size=60))
def test_taking_fillers_out_again_leaves_the_other_words(words):
    hesitant = [word for each in words for word in ("um", each)]
    spoken = part(hesitant)

    assert spoken.fillers["um"] == len(words)
    assert [word for word in spoken.words if word != "like"] == [word for word in part(words).words if word != "like"]


def test_eight_fillers_in_a_hundred_words_leave_half_the_points():
    finding = fillers(["um"] * 8 + split_words("we had a plan for the release and it worked " * 10))

    assert finding is not None
    assert finding.score == pytest.approx(50)
