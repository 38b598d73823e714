"""How long each stage of hearing took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("features", "encode", "decode_tokens", "words")


class Stopwatch:
    """Adds up seconds by stage."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def measured(self, stage: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - began
