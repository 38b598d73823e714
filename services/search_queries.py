"""What somebody looks for: words that all must be there, "phrases" in quotes, -words that must not."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from services.errors import InvalidRequest
from services.search_words import is_sign, tokens

LONGEST_QUERY = 200
MOST_PHRASES = 16
_CHUNK = re.compile(r'(-?)"([^"]*)"|(\S+)')

# The words of a phrase, one after the other; most have one.
Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """`wanted` must all be there, none of `unwanted` may be."""

    wanted: tuple[Phrase, ...]
    unwanted: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """From where to where something that was looked for stands in a text."""

    start: int
    end: int


def read_query(text: str) -> SearchQuery:
    """Raises `InvalidRequest` for one that is too long, or in which there is nothing to look for.

    Words that a mark parts ("don't", "well-known") are a phrase, and so are signs of scripts without spaces.
    """
    if len(text) > LONGEST_QUERY:
        raise InvalidRequest(f"A query has at most {LONGEST_QUERY} characters.", code="query_too_long")
    phrases: tuple[dict[Phrase, None], ...] = ({}, {})
    for minus, quoted, word in _CHUNK.findall(text):
        is_unwanted = bool(minus) or word.startswith("-")
        phrase = tuple(each.text for each in tokens(quoted or word))
        if phrase:
            phrases[is_unwanted][phrase] = None
    wanted, unwanted = (tuple(each) for each in phrases)
    if not wanted:
        raise InvalidRequest("There is no word in this query that could be looked for.", code="empty_query")
    if len(wanted) + len(unwanted) > MOST_PHRASES:
        raise InvalidRequest(f"A query has at most {MOST_PHRASES} words or phrases.", code="query_too_long")
    return SearchQuery(wanted, unwanted)


def hits(text: str, phrases: tuple[Phrase, ...]) -> Iterator[Hit]:
    """Where the phrases stand, in order of their ends."""
    if text.isascii():
        # The same by one expression, twenty times as fast: lower case keeps every letter in its place.
        yield from (Hit(*found.span()) for found in _expression(phrases).finditer(text))
        return
    longest = max(map(len, phrases))
    last: deque[tuple[str, int, int]] = deque(maxlen=longest)
    by_end: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        by_end.setdefault(phrase[-1], []).append(phrase)
    single = {phrase[0] for phrase in phrases if len(phrase) == 1 and is_sign(phrase[0])}
    for token in tokens(text):
        last.append(token)
        for phrase in by_end.get(token.text, ()):
            begin = len(last) - len(phrase)
            if begin >= 0 and tuple(last[place][0] for place in range(begin, len(last))) == phrase:
                yield Hit(last[begin][1], token.end)
        # One sign is looked for within the pairs of signs.
        yield from (Hit(token.start + place, token.start + place + 1) for place in _places(token.text, single))


@lru_cache(maxsize=64)
def _expression(phrases: tuple[Phrase, ...]) -> re.Pattern[str]:
    """The longest first. A page has many texts and one query."""
    ways = (r"[^0-9A-Za-z_]+".join(map(re.escape, phrase)) for phrase in sorted(phrases, key=len, reverse=True))
    return re.compile(rf"(?<![0-9A-Za-z_])(?:{'|'.join(ways)})(?![0-9A-Za-z_])", re.ASCII | re.IGNORECASE)


def _places(text: str, signs: set[str]) -> Iterator[int]:
    return (place for place, sign in enumerate(text) if sign in signs and len(text) == 2) if signs else iter(())
