"""The word error rate of what was heard, by what a person made of it.

Words are compared without case and marks: NFKC, casefold, apostrophes within words dropped, all else that is neither
letter nor digit parts words. Accents stay, numbers are not spelled out. Signs of scripts without spaces count as words.
"""

import re
import unicodedata
from dataclasses import dataclass

import jiwer

NORMALISATION = "NFKC, casefold, no punctuation, apostrophes dropped within words, signs without spaces one by one"
# Aligning takes memory with the square: 25 MB for these. More than an honest edit of 50,000 characters has.
MOST_WORDS = 10_000
_APOSTROPHES = re.compile(r"(?<=\w)['\u2019\u02bc](?=\w)")
_SIGN = re.compile("([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff])")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class WordErrors:
    """Substituted, missing and added words of what was heard, and how many words there are in truth."""

    errors: int
    words: int

    @property
    def is_rewriting(self) -> bool:
        """Whether hardly anything was left: another text, by which nothing can be said of what was heard."""
        return self.errors > self.words

    @property
    def rate(self) -> float | None:
        return self.errors / self.words if self.words else None


def normalised(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NO_WORD.sub(" ", _SIGN.sub(r" \1 ", _APOSTROPHES.sub("", folded))).split()


def word_errors(truth: str, heard: str, *, most_words: int | None = MOST_WORDS) -> WordErrors | None:
    """None where the texts are too long to be compared at once."""
    true_words, heard_words = normalised(truth), normalised(heard)
    if not true_words or not heard_words:
        return WordErrors(len(true_words) + len(heard_words), len(true_words))
    if most_words is not None and max(len(true_words), len(heard_words)) > most_words:
        return None
    found = jiwer.process_words(" ".join(true_words), " ".join(heard_words))
    return WordErrors(found.substitutions + found.deletions + found.insertions, len(true_words))
