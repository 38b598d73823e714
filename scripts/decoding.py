"""Whole recordings, decoded in a child as a worker does it, with what that took: for those who measure and damage."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from services.audio.children import Children, Ended
from services.audio.decode import judge
from services.transcribers import Samples


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
    blocks = children.blocks(content, max_seconds=max_seconds, on_wait=on_wait)
    while True:
        try:
            parts.append(next(blocks))
        except StopIteration as stopped:
            return Decoding(np.concatenate([*parts, np.empty(0, np.float32)]), stopped.value)


def heard(decoding: Decoding) -> Samples:
    """The samples, or one of the errors of `services.audio.decode.blocks`."""
    judge(decoding.ended)
    return decoding.samples
