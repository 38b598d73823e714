"""What differs between two texts of an answer, word by word: what spaces part, as it is written."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from services.edited_words import aligned, same_words
from services.models import Segment


@dataclass(frozen=True, slots=True)
class Stretch:
    """Words of a text, from `start_word` to before `end_word`; seconds where it is known when they were spoken."""

    start_word: int
    end_word: int
    text: str
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """`op` is equal, insert, delete or replace: what makes the one stretch into the other."""

    op: str
    before: Stretch
    after: Stretch


class SplitText:
    """A text in words, with the times of those that were heard so."""

    def __init__(self, text: str, heard: Sequence[Segment]) -> None:
        self._text = text
        self._found = list(re.finditer(r"\S+", text))
        words = [word for segment in aligned(text, heard) for word in segment.words]
        self._times = [(word.start, word.end) for word in words] or [(None, None)] * len(self._found)

    @property
    def words(self) -> list[str]:
        return [each.group() for each in self._found]

    def stretch(self, start: int, end: int) -> Stretch:
        if start == end:
            return Stretch(start, end, "")
        said = self._text[self._found[start].start() : self._found[end - 1].end()]
        times = self._times[start:end]
        begins = next((begin for begin, _ in times if begin is not None), None)
        ends = next((finish for _, finish in reversed(times) if finish is not None), None)
        return Stretch(start, end, said, begins, ends)


def differences(before: SplitText, after: SplitText) -> Iterator[Difference]:
    """In order, and complete: the stretches before make the one text, those after the other.

    Comparing takes a bounded number of steps (`same_words`): where that is not enough, what is left counts as replaced.
    """
    old, new = before.words, after.words
    pairs = sorted(same_words(old, new))
    place_old = place_new = 0
    # Neighbours in both texts have the same distances to their places in the row of pairs.
    for _, group in groupby(enumerate(pairs), key=lambda each: (each[1][0] - each[0], each[1][1] - each[0])):
        run = [pair for _, pair in group]
        (first_old, first_new), (last_old, last_new) = run[0], run[-1]
        yield from _changed(before, after, (place_old, first_old), (place_new, first_new))
        place_old, place_new = last_old + 1, last_new + 1
        yield Difference("equal", before.stretch(first_old, place_old), after.stretch(first_new, place_new))
    yield from _changed(before, after, (place_old, len(old)), (place_new, len(new)))


def _changed(before: SplitText, after: SplitText, old: tuple[int, int], new: tuple[int, int]) -> Iterator[Difference]:
    is_gone, is_new = old[0] < old[1], new[0] < new[1]
    if is_gone or is_new:
        op = "replace" if is_gone and is_new else "delete" if is_gone else "insert"
        yield Difference(op, before.stretch(*old), after.stretch(*new))
