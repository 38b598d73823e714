"""When the words of a text were spoken, as small as it can be kept: for search, which shows where to listen."""

import re
import struct
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from services.edited_words import aligned
from services.models import Segment

_ENTRY = struct.Struct("<4I")
# Of four bytes, as milliseconds: 49 days.
_MOST = 2**32 - 1


class WordTime(NamedTuple):
    """From where to where a word stands in the text, and when it was said, in milliseconds."""

    start: int
    end: int
    start_ms: int
    end_ms: int


def times_heard(text: str, segments: Sequence[Segment]) -> Iterator[WordTime]:
    """Of a text as it was heard; a word that is not found where it should be has none."""
    place = 0
    for word in chain.from_iterable(segment.words for segment in segments):
        said = word.text.strip()
        found = text.find(said, place, place + len(said) + 40) if said else -1
        if found >= 0:
            place = found + len(said)
            yield _entry(found, place, word.start, word.end)


def times_edited(text: str, heard: Sequence[Segment]) -> Iterator[WordTime]:
    """Of a text that a person made of what was heard."""
    words = chain.from_iterable(segment.words for segment in aligned(text, heard))
    for found, word in zip(re.finditer(r"\S+", text), words, strict=False):
        if word.start is not None and word.end is not None:
            yield _entry(found.start(), found.end(), word.start, word.end)


def packed(times: Iterable[WordTime]) -> bytes:
    return b"".join(_ENTRY.pack(*each) for each in times)


class KeptTimes:
    """What was packed, read again: in the order of the words."""

    def __init__(self, kept: bytes) -> None:
        fields = struct.unpack(f"<{len(kept) // 4}I", kept)
        self._starts, self._ends, self._from_ms, self._to_ms = (fields[place::4] for place in range(4))

    def seconds(self, start: int, end: int) -> tuple[float, float] | None:
        """When what stands from `start` to before `end` was spoken; None where no word there has times."""
        first, after = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first >= after:
            return None
        return min(self._from_ms[first:after]) / 1000, max(self._to_ms[first:after]) / 1000


def _entry(start: int, end: int, start_seconds: float, end_seconds: float) -> WordTime:
    return WordTime(start, end, _ms(start_seconds), _ms(end_seconds))


def _ms(seconds: float) -> int:
    return min(max(round(seconds * 1000), 0), _MOST)
