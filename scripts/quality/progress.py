"""Tells how far long work is."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

EVERY_SECONDS = 2.0

Thing = TypeVar("Thing")
Say = Callable[[str], None]


def counted(things: Iterable[Thing], total: int, what: str, say: Say) -> Iterator[Thing]:
    """The things themselves, with a line every few seconds that says how many of them are done."""
    began = told = time.monotonic()
    for done, thing in enumerate(things, start=1):
        yield thing
        now = time.monotonic()
        if now - told >= EVERY_SECONDS:
            say(f"{what}: {done} of {total}, {now - began:.0f} s")
            told = now
