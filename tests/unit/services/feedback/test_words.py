import pytest

from services.feedback.words import count_words, is_mostly_unspaced, split_words


def test_punctuation_and_case_make_no_difference():
    assert split_words("Well — I've LED a team, twice!") == split_words("well i've led a team twice")


def test_a_curly_apostrophe_is_a_straight_one():
    assert split_words("don\N{RIGHT SINGLE QUOTATION MARK}t 'quote'") == ["don't", "quote"]


def test_vowel_signs_do_not_break_a_word():
    assert split_words("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]


def test_composed_and_decomposed_letters_are_the_same_word():
    assert split_words("cafe\N{COMBINING ACUTE ACCENT}") == split_words("caf\N{LATIN SMALL LETTER E WITH ACUTE}")


def test_two_letters_of_a_script_without_spaces_count_as_one_word():
    words = split_words("我们把系统迁移到云端")

    assert count_words(words) == 5
    assert is_mostly_unspaced(words)


def test_korean_is_written_with_spaces():
    words = split_words("저는 팀을 이끌었습니다")

    assert count_words(words) == 3
    assert not is_mostly_unspaced(words)


@pytest.mark.parametrize("text", ["", " \n\t", "\x00", "\ud800\udfff", "🎉 … !", "'''"])
def test_a_text_without_letters_has_no_words(text):
    assert split_words(text) == []


def test_nul_and_lone_surrogates_part_words():
    assert split_words("one\x00two\ud800three") == ["one", "two", "three"]
