"""When the words of an edited text were spoken: what a person left as it was heard keeps its times.

Words are compared without their case and marks, in order. Where the two texts share less than half of the shorter one,
they are different texts, and nothing has times; nor has it where the model gave no word its own.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, groupby

from services.models import Segment, Word

# Of the words of the shorter text; below it, a match is an accident.
ALIKE = 0.5
# Comparing takes half a second at most: with two texts of one word a thousand times it would take minutes.
MOST_STEPS = 1_000_000


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
    pairs = dict(_pairs([_key(each.group()) for each in written], [_key(word.text) for _, word in spoken]))
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


def _pairs(written: Sequence[str], spoken: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of the same words in both, in order."""
    shorter = min(len(written), len(spoken))
    first = next((i for i in range(shorter) if written[i] != spoken[i]), shorter)
    last = next((i for i in range(shorter - first) if written[-1 - i] != spoken[-1 - i]), shorter - first)
    yield from ((i, i) for i in range(first))
    middle = written[first : len(written) - last], spoken[first : len(spoken) - last]
    for a, b, size in _blocks(*middle):
        yield from ((first + a + i, first + b + i) for i in range(size))
    yield from ((len(written) - i, len(spoken) - i) for i in range(last, 0, -1))


def _blocks(written: Sequence[str], spoken: Sequence[str]) -> Iterator[tuple[int, int, int]]:
    """As `SequenceMatcher.get_matching_blocks`, the longest first and in any order, for at most `MOST_STEPS`."""
    matcher, count = SequenceMatcher(None, written, spoken, autojunk=False), Counter(spoken)
    steps = [0, *accumulate(1 + count[each] for each in written)]
    left, stretches = MOST_STEPS, deque([(0, len(written), 0, len(spoken))])
    while stretches:
        begin, end, spoken_begin, spoken_end = stretches.popleft()
        left -= steps[end] - steps[begin]
        if left < 0:
            return
        found = matcher.find_longest_match(begin, end, spoken_begin, spoken_end)
        if found.size:
            yield found.a, found.b, found.size
            stretches.append((begin, found.a, spoken_begin, found.b))
            stretches.append((found.a + found.size, end, found.b + found.size, spoken_end))


def _key(word: str) -> str:
    return "".join(each for each in word.casefold() if each.isalnum()) or word
