"""The terms that carry a text's meaning: its words without English function words, reduced to their stems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.feedback.english import FUNCTION_WORDS, IRREGULAR_FORMS
from services.feedback.words import is_unspaced, split_words

_VOWELS = frozenset("aeiouy")
# Of one term: what is said a thousand times is found by its first times.
MOST_PLACES = 20


@dataclass(frozen=True, slots=True)
class KeyTerms:
    """Terms in order of appearance: how often each occurs, and its first spelling for people to read."""

    occurrences: Counter[str]
    spellings: dict[str, str]

    def __bool__(self) -> bool:
        return bool(self.occurrences)


def key_terms(text: str) -> KeyTerms:
    """The terms of a key point or model answer; of a text of function words only, every word is a term.

    Where a script has no spaces, pairs of neighbouring letters stand for its words.
    """
    words = split_words(text)
    content = [word for word in words if word not in FUNCTION_WORDS] or words
    occurrences: Counter[str] = Counter()
    spellings: dict[str, str] = {}
    for run in _runs(content):
        pairs = [first + second for first, second in pairwise(run)]
        for word in pairs or run:
            term = stem(word)
            occurrences[term] += 1
            spellings.setdefault(term, word)
    return KeyTerms(occurrences, spellings)


def spoken_terms(words: Sequence[str]) -> Mapping[str, Sequence[tuple[int, int]]]:
    """Every term a transcript can be credited with, and where: the first places, from a word to before another.

    Terms are the stem of each word, and each pair of unspaced letters.
    """
    stems = {word: stem(word) for word in set(words)}
    letters = {word for word in stems if is_unspaced(word)}
    found: dict[str, list[tuple[int, int]]] = {}
    for place, word in enumerate(words):
        _note(found, stems[word], place, 1)
        if word in letters and place + 1 < len(words) and words[place + 1] in letters:
            _note(found, word + words[place + 1], place, 2)
    return found


def _note(found: dict[str, list[tuple[int, int]]], term: str, place: int, length: int) -> None:
    places = found.setdefault(term, [])
    if len(places) < MOST_PLACES:
        places.append((place, place + length))


def stem(word: str) -> str:
    """Take the endings of English plurals, -ing and -ed off, and "led" to "lead", so that forms of a word meet.

    Lighter than Porter's (1980) algorithm on purpose: a wrong meeting of two words flatters, a missed one annoys.
    """
    word = word.removesuffix("'s")
    word = IRREGULAR_FORMS.get(word, word)
    if len(word) <= 3 or not word.isascii():
        return word
    if word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= 3 and not _VOWELS.isdisjoint(rest):
            word = rest
            break
    word = word[:3] + word[3:].rstrip("e")
    return word[:-1] if len(word) > 3 and word[-1] == word[-2] else word


def _runs(words: Sequence[str]) -> list[list[str]]:
    """Neighbouring unspaced letters together, every other word alone."""
    runs: list[list[str]] = []
    for word in words:
        if runs and is_unspaced(word) and is_unspaced(runs[-1][-1]):
            runs[-1].append(word)
        else:
            runs.append([word])
    return runs
