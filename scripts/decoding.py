"""Whole recordings, decoded in a child as a worker does it, with what that took: for those who measure and damage."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.audio.children import Children, Ended
from services.audio.decode import blocks, judge
from services.audio.samples import Samples


@dataclass(frozen=True, slots=True)
class Decoding:
    """What came out of a child, and how it ended."""

    samples: Samples
    ended: Ended


def decode_in(
    children: Children, content: bytes, *, max_seconds: float, on_wait: Callable[[], None] = lambda: None
) -> Decoding:
    """Raises as `Children.blocks`."""
    parts: list[Samples] = []
    stream = children.blocks(content, max_seconds=max_seconds, on_wait=on_wait)
    while True:
        try:
            parts.append(next(stream))
        except StopIteration as stopped:
            return Decoding(np.concatenate([*parts, np.empty(0, np.float32)]), stopped.value)


def decode(content: bytes, *, max_seconds: float, on_wait: Callable[[], None] = lambda: None) -> Samples:
    """All samples at once; raises as `services.audio.decode.blocks`."""
    return np.concatenate([*blocks(content, max_seconds=max_seconds, on_wait=on_wait), np.empty(0, np.float32)])


def heard(decoding: Decoding) -> Samples:
    """The samples, or one of the errors of `services.audio.decode.blocks`."""
    judge(decoding.ended)
    return decoding.samples
