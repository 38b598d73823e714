"""When the words of an edited text were spoken: what a person left as it was heard keeps its times.

Words are compared without their case and marks, in order. Where the two texts share less than half of the shorter one,
they are different texts, and nothing has times; nor has it where the model gave no word its own.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise

from services.models import Segment, Word

# Of the words of the shorter text; below it, a match is an accident.
ALIKE = 0.5
# Comparing takes a fifth of a second at most: with two texts of one word a thousand times it would take minutes.
MOST_STEPS = 1_000_000

# From where to where in what was written, and in what was said.
_Bounds = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class EditedWord:
    """A word as it was written; its times and probability are those of the same word as it was heard, or None."""

    text: str
    start: float | None = None
    end: float | None = None
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class EditedSegment:
    """What became of a segment: its times, and its words as they are now."""

    start: float
    end: float
    text: str
    words: tuple[EditedWord, ...]


def aligned(text: str, heard: Sequence[Segment]) -> tuple[EditedSegment, ...]:
    """The text by the segments that were heard; none where it cannot be told from when its words are."""
    written = list(re.finditer(r"\S+", text))
    spoken = [(place, word) for place, segment in enumerate(heard) for word in segment.words]
    pairs = dict(same_words([_key(each.group()) for each in written], [_key(word.text) for _, word in spoken]))
    if len(pairs) < ALIKE * min(len(written), len(spoken)) or not pairs:
        return ()
    # What is new belongs to the segment of what stands before it.
    places, place = [], spoken[min(pairs.values())][0]
    for i in range(len(written)):
        place = spoken[pairs[i]][0] if i in pairs else place
        places.append(place)
    segments = []
    for place, group in groupby(range(len(written)), key=places.__getitem__):
        members = list(group)
        words = tuple(_edited(written[i].group(), spoken[pairs[i]][1] if i in pairs else None) for i in members)
        said = text[written[members[0]].start() : written[members[-1]].end()]
        segments.append(EditedSegment(heard[place].start, heard[place].end, said, words))
    return tuple(segments)


def timed(segment: EditedSegment) -> Segment:
    """For captions: words without times share evenly what lies between those around them."""
    words: list[Word] = []
    for is_new, group in groupby(enumerate(segment.words), key=lambda each: each[1].start is None):
        run = list(group)
        if not is_new:
            words += [Word(word.start or 0.0, word.end or 0.0, word.text, 1.0) for _, word in run]
            continue
        following = run[-1][0] + 1
        begin = words[-1].end if words else segment.start
        after = segment.words[following].start if following < len(segment.words) else segment.end
        end = max(begin, after or 0.0)
        share = (end - begin) / len(run)
        words += [Word(begin + i * share, begin + (i + 1) * share, word.text, 1.0) for i, (_, word) in enumerate(run)]
    return Segment(segment.start, segment.end, segment.text, words=tuple(words))


def _edited(text: str, heard: Word | None) -> EditedWord:
    return EditedWord(text) if heard is None else EditedWord(text, heard.start, heard.end, heard.probability)


def same_words(written: Sequence[str], spoken: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of the same words in both, in any order, for at most `MOST_STEPS`.

    Certain are those with which both begin and end, and of the others the words that both have once; the stretches
    between are short. What is quickly compared comes first: none waits for another that takes all the time there is.
    """
    first, last = _alike_around(written, spoken)
    ends = len(written) - last, len(spoken) - last
    certain = [(first + i, first + j) for i, j in _anchors(written[first : ends[0]], spoken[first : ends[1]])]
    yield from (*((i, i) for i in range(first)), *certain, *((ends[0] + i, ends[1] + i) for i in range(last)))
    edges = [(first - 1, first - 1), *certain, ends]
    stretches = [_stretch(written, spoken, (a + 1, c, b + 1, d)) for (a, b), (c, d) in pairwise(edges)]
    heapify(stretches)
    left = MOST_STEPS
    while stretches and (left := left - stretches[0][0]) >= 0:
        _, (a, c, b, d) = heappop(stretches)
        found = SequenceMatcher(None, written[a:c], spoken[b:d], autojunk=False).find_longest_match()
        if found.size:
            begin, spoken_begin = a + found.a, b + found.b
            yield from zip(
                range(begin, begin + found.size), range(spoken_begin, spoken_begin + found.size), strict=True
            )
            for around in ((a, begin, b, spoken_begin), (begin + found.size, c, spoken_begin + found.size, d)):
                heappush(stretches, _stretch(written, spoken, around))


def _alike_around(written: Sequence[str], spoken: Sequence[str]) -> tuple[int, int]:
    """With how many words both begin, and end."""
    shorter = min(len(written), len(spoken))
    first = next((i for i in range(shorter) if written[i] != spoken[i]), shorter)
    last = next((i for i in range(shorter - first) if written[-1 - i] != spoken[-1 - i]), shorter - first)
    return first, last


def _stretch(written: Sequence[str], spoken: Sequence[str], bounds: _Bounds) -> tuple[int, _Bounds]:
    """The steps that comparing takes, and from where to where in both."""
    a, c, b, d = bounds
    count = Counter(spoken[b:d])
    return c - a + d - b + sum(count[each] for each in written[a:c]), bounds


def _anchors(written: Sequence[str], spoken: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of words that both texts have once: of those as many as stand in the same order in both."""
    in_written, in_spoken = Counter(written), Counter(spoken)
    places = {word: place for place, word in enumerate(spoken) if in_spoken[word] == 1}
    both = [(i, places[word]) for i, word in enumerate(written) if in_written[word] == 1 and word in places]
    # The lowest end of a row of each length, and what stands before each place in the best row that ends with it.
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for _, place in both:
        length = bisect_left(ends, place)
        before[place] = ends[length - 1] if length else None
        ends[length : length + 1] = [place]
    kept, place_kept = set(), ends[-1] if ends else None
    while place_kept is not None:
        kept.add(place_kept)
        place_kept = before[place_kept]
    return (each for each in both if each[1] in kept)


def _key(word: str) -> str:
    return "".join(each for each in word.casefold() if each.isalnum()) or word
