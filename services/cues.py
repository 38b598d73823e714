"""What is on the screen at once, and when: a transcript cut where a viewer can follow.

Lengths and durations are those of Netflix' Timed Text Style Guide (General Requirements): at most two lines of 42
characters, from 5/6 of a second to 7 seconds. Where words have no times, a segment is one cue and one line.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.caption_lines import Columns, columns_of, fits, is_good_break, lines_of
from services.gaps import text_of_gap
from services.models import Gap, Segment

SHORTEST_SECONDS = 5 / 6
LONGEST_SECONDS = 7.0
# Nobody should read what is said only after such a silence.
PAUSE_SECONDS = 1.0
# A player shows nothing for less, and refuses a cue that ends where it starts.
SHORTEST_MS = 1
# Line breaks of every kind end a cue or a line of it; the others are for terminals. Directions and joiners stay.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Cue:
    """Some lines, and when they are shown."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word with the punctuation around it and the space after it."""

    start: float
    end: float
    text: str
    columns: Columns


def cues_of(segments: Iterable[Segment], gaps: Iterable[Gap] = ()) -> list[Cue]:
    """In order of time; none is shown any more when a later one begins. A gap says that it is one."""
    cues = [cue for segment in segments for cue in _cues_of_segment(segment)]
    cues += [_cue(gap.start, min(gap.end, gap.start + LONGEST_SECONDS), text_of_gap(gap)) for gap in gaps]
    cues.sort(key=lambda cue: cue.start_ms)
    ended = [
        replace(cue, end_ms=min(cue.end_ms, following.start_ms)) if following.start_ms > cue.start_ms else cue
        for cue, following in pairwise(cues)
    ]
    return ended + cues[-1:]


def _cues_of_segment(segment: Segment) -> Iterator[Cue]:
    text = _CONTROLS.sub(" ", segment.text).strip()
    pieces = _pieces_of(text, segment)
    if pieces:
        for group in _grouped(pieces):
            start = group[0].start
            end = min(max(group[-1].end, start + SHORTEST_SECONDS), start + LONGEST_SECONDS)
            yield _cue(start, end, "\n".join(lines_of([piece.text for piece in group])))
    elif text:
        yield _cue(segment.start, segment.end, text)


def _pieces_of(text: str, segment: Segment) -> list[_Piece]:
    """The text, all of it, by its words; none where they are not those of the text."""
    places, searched = [], 0
    for word in segment.words:
        said = _CONTROLS.sub(" ", word.text).strip()
        begin = text.find(said, searched)
        if begin < 0 or _has_words(text[searched:begin]):
            return []
        if said:
            searched = begin + len(said)
            places.append((begin, searched, word))
    if not places or _has_words(text[searched:]):
        return []
    cuts = [0, *(_cut(text, end, begin) for (_, end, _), (begin, _, _) in pairwise(places)), len(text)]
    return [
        _Piece(word.start, word.end, text[a:b], columns_of(text[a:b]))
        for (a, b), (_, _, word) in zip(pairwise(cuts), places, strict=True)
    ]


def _has_words(text: str) -> bool:
    return any(each.isalnum() for each in text)


def _cut(text: str, end: int, begin: int) -> int:
    """Where the next piece begins, between two words: a mark that closes stays with the one, that opens comes later."""
    spaces = [place + 1 for place in range(end, begin) if text[place].isspace()]
    return spaces[-1] if spaces else begin


def _grouped(pieces: Sequence[_Piece]) -> Iterator[list[_Piece]]:
    """The pieces of each cue."""
    group: list[_Piece] = []
    for piece in pieces:
        if group and piece.start - group[-1].end >= PAUSE_SECONDS:
            yield group
            group = []
        while group and not _is_one_cue([*group, piece]):
            count = _best_break(group)
            yield group[:count]
            group = group[count:]
        group.append(piece)
    if group:
        yield group


def _is_one_cue(group: Sequence[_Piece]) -> bool:
    return group[-1].end - group[0].start <= LONGEST_SECONDS and fits([piece.columns for piece in group])


def _best_break(group: Sequence[_Piece]) -> int:
    """How many pieces are the cue: up to the last mark in its second half, else all."""
    good = (i for i in range(len(group), len(group) // 2, -1) if is_good_break(group[i - 1].text))
    return next(good, len(group))


def _cue(start: float, end: float, text: str) -> Cue:
    start_ms = max(round(start * 1000), 0)
    return Cue(start_ms, max(round(end * 1000), start_ms + SHORTEST_MS), text)
