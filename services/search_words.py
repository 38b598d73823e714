"""What search takes for a word: the same of what was said and of what is looked for.

Without case, marks and accents ("Équipe," is "equipe"); nothing is stemmed, since a transcript may be of any language.
Scripts that are written without spaces have no words to split at: each two neighbouring signs are one.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

# Han, kana, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30fa\u30fc-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
# What Unicode calls marks (vowels of Hindi, points of Hebrew) belongs to words; for `\w` it does not.
_MARKS = "".join(chr(each) for each in range(0x300, 0x1E00) if unicodedata.category(chr(each)).startswith("M"))
_TOKEN = re.compile(f"([{_UNSPACED}]+)|((?:[\\w{_MARKS}](?<![{_UNSPACED}]))+)")
_ACCENTS = re.compile("[\u0300-\u036f]")
_SIGN = re.compile(f"[{_UNSPACED}]")


class Token(NamedTuple):
    """A word as it is looked for, and where in the text it stands."""

    text: str
    start: int
    end: int


def tokens(text: str) -> Iterator[Token]:
    for found in _TOKEN.finditer(text):
        if found.group(1) is None:
            yield from _word(found.group(), found.start(), found.end())
        else:
            yield from _pairs_of_signs(found.group(), found.start())


def signs(text: str) -> set[str]:
    """The single signs of scripts without spaces, for who looks for one."""
    return {folded(each) for run in _TOKEN.finditer(text) if run.group(1) is not None for each in run.group(1)}


def is_sign(token: str) -> bool:
    return len(token) == 1 and _SIGN.match(token) is not None


def folded(text: str) -> str:
    """Without case, accents and differences of width."""
    if text.isascii():
        return text.lower()
    without_accents = _ACCENTS.sub("", unicodedata.normalize("NFKD", text))
    return unicodedata.normalize("NFKC", without_accents).casefold()


def _word(word: str, start: int, end: int) -> Iterator[Token]:
    """Folding may leave what is no word (a lone accent), or part one ("½" is "1⁄2")."""
    key = folded(word)
    if key.isalnum():
        yield Token(key, start, end)
        return
    for part in _TOKEN.finditer(key):
        yield Token(part.group(), start, end)


def _pairs_of_signs(run: str, start: int) -> Iterator[Token]:
    whole = folded(run)
    keys = whole if len(whole) == len(run) else [folded(each) for each in run]
    if len(keys) == 1:
        yield Token(keys[0], start, start + 1)
    for place in range(len(keys) - 1):
        yield Token(keys[place] + keys[place + 1], start + place, start + place + 2)
