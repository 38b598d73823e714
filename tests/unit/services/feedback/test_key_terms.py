import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.feedback.key_terms import key_terms, spoken_terms, stem
from services.feedback.words import split_words


@pytest.mark.parametrize(
    "forms",
    [
        ("manage", "manages", "managed", "managing"),
        ("plan", "plans", "planned", "planning"),
        ("study", "studies", "studied", "studying"),
        ("control", "controls", "controlled", "controlling"),
        ("process", "processes", "processed", "processing"),
        ("agree", "agrees", "agreed", "agreeing"),
        ("lead", "leads", "led", "leading"),
        ("write", "writes", "wrote", "written", "writing"),
        ("customer", "customers", "customer's"),
    ],
)
def test_forms_of_a_word_meet_in_one_stem(forms):
    assert len({stem(form) for form in forms}) == 1


@pytest.mark.parametrize("word", ["thing", "bring", "need", "bus", "team", "größe", "gas"])
def test_an_ending_that_belongs_to_the_word_stays(word):
    assert stem(word) == word


@settings(deadline=None)
@given(st.text())
def test_stemming_never_empties_a_word(word):
    assert bool(stem(word)) is bool(word.removesuffix("'s"))


def test_function_words_are_no_key_terms():
    assert list(key_terms("I was the owner of a migration").occurrences) == [stem("owner"), stem("migration")]


def test_a_text_of_function_words_only_keeps_them():
    assert set(key_terms("to be or not to be").occurrences) == {"to", "be", "or", "not"}


def test_people_read_the_first_spelling_of_a_term():
    terms = key_terms("Managing services; a managed service")

    assert list(terms.spellings.values()) == ["managing", "services"]
    assert terms.occurrences.total() == 4


def test_a_script_without_spaces_is_read_in_pairs_of_letters():
    said = spoken_terms(split_words("我们把系统迁移到云端"))

    assert set(key_terms("系统迁移").occurrences) == {"系统", "统迁", "迁移"}
    assert set(key_terms("系统迁移").occurrences) <= said.keys()
    assert set(key_terms("云").occurrences) <= said.keys()


@settings(deadline=None)
@given(st.text())
def test_saying_a_text_covers_all_of_its_own_terms_in_languages_with_spaces(text):
    ascii_text = text.encode("ascii", "ignore").decode()

    assert set(key_terms(ascii_text).occurrences) <= spoken_terms(split_words(ascii_text)).keys()
