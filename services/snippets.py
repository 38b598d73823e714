"""What search shows of a transcript: a few places where it says what was looked for, and when that was said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from services.search_queries import Hit, Phrase, hits
from services.word_times import KeptTimes

MOST_SNIPPETS = 3
# Around what was found; a snippet grows over what stands near.
MARGIN_CHARACTERS = 60
MOST_CHARACTERS = 200
# Who finds a word more often than that in one text sees the first of them.
MOST_HITS = 50


@dataclass(frozen=True, slots=True)
class Snippet:
    """A piece of a text; `highlights` are places in it, `start` and `end` the seconds of what is highlighted."""

    text: str
    highlights: tuple[tuple[int, int], ...]
    start: float | None
    end: float | None


def snippets(text: str, phrases: tuple[Phrase, ...], times: bytes) -> list[Snippet]:
    """At most `MOST_SNIPPETS`, in their order."""
    kept, found = KeptTimes(times), list(islice(hits(text, phrases), MOST_HITS))
    return [_snippet(text, group, kept) for group in _near(_joined(found))[:MOST_SNIPPETS]]


def _joined(found: Iterable[Hit]) -> list[Hit]:
    """In order, and what overlaps or touches as one."""
    joined: list[Hit] = []
    for hit in sorted(found, key=lambda each: (each.start, each.end)):
        if joined and hit.start <= joined[-1].end:
            joined[-1] = Hit(joined[-1].start, max(joined[-1].end, hit.end))
        else:
            joined.append(hit)
    return joined


def _near(found: Sequence[Hit]) -> list[list[Hit]]:
    groups: list[list[Hit]] = []
    for hit in found:
        if groups and hit.end - groups[-1][0].start <= MOST_CHARACTERS - 2 * MARGIN_CHARACTERS:
            groups[-1].append(hit)
        else:
            groups.append([hit])
    return groups


def _snippet(text: str, group: Sequence[Hit], times: KeptTimes) -> Snippet:
    begin, finish = _around(text, group[0].start, group[-1].end)
    highlights = tuple((max(each.start, begin) - begin, min(each.end, finish) - begin) for each in group)
    seconds = times.seconds(group[0].start, group[-1].end)
    start, end = seconds or (None, None)
    return Snippet(text[begin:finish], highlights, start, end)


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """With what stands beside it, in whole words where there are spaces."""
    begin, finish = max(0, start - MARGIN_CHARACTERS), min(len(text), end + MARGIN_CHARACTERS)
    if begin and (space := text.find(" ", begin, start)) >= 0:
        begin = space + 1
    if finish < len(text) and (space := text.rfind(" ", end, finish)) >= 0:
        finish = space
    return begin, finish
