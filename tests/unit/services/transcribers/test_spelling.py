import pytest

from services.transcribers.spelling import spelled


def words_of(pieces: list[bytes], language: str = "en") -> list[tuple[str, list[int]]]:
    """Each piece is a token; the decoder shows the bytes of some of them as Whisper's does."""
    words = spelled(range(len(pieces)), lambda ids: b"".join(pieces[i] for i in ids).decode(errors="replace"), language)
    assert "".join(word.text for word in words) == b"".join(pieces).decode(errors="replace")
    assert [place for word in words for place in word.tokens] == list(range(len(pieces)))
    return [(word.text, list(word.core)) for word in words]


def test_tokens_without_a_space_go_on_with_the_word():
    assert words_of([b" we", b" mo", b"ved", b" it"]) == [(" we", [0]), (" moved", [1, 2]), (" it", [3])]


def test_punctuation_belongs_to_the_word_but_not_to_its_times():
    assert words_of([b" we", b" moved", b"."]) == [(" we", [0]), (" moved.", [1])]
    assert words_of([b" say", b' "', b"hi", b'"', b"!"]) == [(" say", [0]), (' "hi"!', [1, 2])]


def test_a_letter_may_be_spread_over_tokens():
    assert words_of([b" caf", b"\xc3", b"\xa9", b" now"]) == [(" caf\u00e9", [0, 1, 2]), (" now", [3])]


def test_a_broken_letter_at_the_end_is_kept():
    assert words_of([b" a", b"\xc3"]) == [(" a\ufffd", [0, 1])]


@pytest.mark.parametrize("language", ["zh", "ja"])
def test_without_spaces_each_letter_is_a_word(language):
    pieces = ["\u4f60".encode(), "\u597d".encode()[:1], "\u597d".encode()[1:], "\u3002".encode()]
    assert words_of(pieces, language) == [("\u4f60", [0]), ("\u597d\u3002", [1, 2])]


def test_nothing_has_no_words():
    assert words_of([]) == []
