"""Puts the words that were heard beside those that were said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import jiwer

from scripts.demo_model.evaluate import plain
from scripts.quality.espeak_words import SaidWord
from services.models import Word


@dataclass(frozen=True, slots=True)
class Match:
    """The alignment with the fewest errors: the words heard right, with what was said, and those heard wrong."""

    right: tuple[tuple[SaidWord, Word], ...]
    wrong: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Errors:
    """Wrong, missing and added words, and the words said."""

    errors: int
    words: int

    @property
    def percent(self) -> float:
        return 100 * self.errors / self.words


def matched(said: Sequence[SaidWord], heard: Iterable[Word]) -> Match:
    """Which words were heard right; a word counts by its letters, without periods."""
    kept = [word for word in heard if plain(word.text)]
    if not said or not kept:
        return Match((), tuple(kept))
    texts = [plain(word.text) for word in said], [plain(word.text) for word in kept]
    (chunks,) = jiwer.process_words(*(" ".join(words) for words in texts)).alignments
    right, wrong = [], []
    for chunk in chunks:
        own = kept[chunk.hyp_start_idx : chunk.hyp_end_idx]
        if chunk.type == "equal":
            right += list(zip(said[chunk.ref_start_idx : chunk.ref_end_idx], own, strict=True))
        else:
            wrong += own
    return Match(tuple(right), tuple(wrong))


def errors(said: Sequence[str], heard: Sequence[str]) -> Errors:
    """Of texts, each with what was heard of it."""
    found = jiwer.process_words(list(said), [plain(text) for text in heard])
    missed = found.substitutions + found.deletions
    return Errors(missed + found.insertions, found.hits + missed)
