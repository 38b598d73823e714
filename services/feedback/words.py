"""Words of a transcript in any language, in time linear in the text, whatever the text holds.

Chinese, Japanese, Thai, Lao, Burmese and Khmer are written without spaces. Finding their words needs a dictionary, so
each of their letters is a token of its own here, and two of them count as one word.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

# Normalisation sorts runs of combining marks in quadratic time; no real word is longer than this.
LONGEST_WORD = 64
# Thai and Lao, Burmese, Khmer, Japanese syllables, Chinese characters.
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


@dataclass(frozen=True, slots=True)
class ReadText:
    """A text's words as `split_words` gives them, and for each its place in `written`, which is `text.split()`."""

    written: Sequence[str]
    words: Sequence[str]
    places: Sequence[int]


def read(text: str) -> ReadText:
    """The words of a text and where they stand; a text has none or several of them in one place ("e-mail", "…")."""
    letters = {ord(letter): _replacement(letter) for letter in set(text)}
    written, words, places = text.split(), [], []
    for place, each in enumerate(written):
        for word in each.translate(letters).split():
            if stripped := word.strip("'"):
                words.append(_normalised(stripped))
                places.append(place)
    return ReadText(written, words, places)


def split_words(text: str) -> list[str]:
    """Case-folded words without punctuation; a lone letter where the script is written without spaces."""
    return list(read(text).words)


def is_unspaced(word: str) -> bool:
    """Whether this token is a letter of a script without spaces."""
    return _UNSPACED.fullmatch(word) is not None


def is_mostly_unspaced(words: Sequence[str]) -> bool:
    return _count_unspaced(words) * 2 > len(words)


def count_words(words: Sequence[str]) -> int:
    """How many words were said, two letters of a script without spaces counting as one."""
    letters = _count_unspaced(words)
    return len(words) - letters + (letters + 1) // 2


def _count_unspaced(words: Sequence[str]) -> int:
    return sum(times for word, times in Counter(words).items() if is_unspaced(word))


def _replacement(letter: str) -> str:
    if letter in ("'", "\N{RIGHT SINGLE QUOTATION MARK}"):
        return "'"
    is_mark = unicodedata.category(letter).startswith("M")
    if not letter.isalnum() and not is_mark:
        return " "
    if is_unspaced(letter):
        return "" if is_mark else f" {letter} "
    return letter


def _normalised(word: str) -> str:
    return unicodedata.normalize("NFC", word.casefold()) if len(word) <= LONGEST_WORD else word
