"""What a scrape is told of all processes together, read from the database and kept for a few seconds."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.errors import Unavailable
from services.storage.counters import Counter, CounterStore
from services.storage.queues import Depth, QueueStore

KEPT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Told:
    """`is_there`: whether the database answered; the rest is empty where it did not."""

    is_there: bool
    counters: Sequence[Counter] = ()
    depths: Mapping[str, Depth] | None = None


class Figures:
    """Asked by whoever scrapes, as often as they like."""

    def __init__(self, counters: CounterStore, queues: QueueStore) -> None:
        self._counters = counters
        self._queues = queues
        self._lock = threading.Lock()
        self._told: Told | None = None
        self._read_at = 0.0

    def told(self) -> Told:
        """Of the last few seconds; a database that is away is asked no more often than one that is there."""
        with self._lock:
            if self._told is None or time.monotonic() - self._read_at >= KEPT_SECONDS:
                self._told = self._read()
                self._read_at = time.monotonic()
            return self._told

    def _read(self) -> Told:
        try:
            return Told(True, self._counters.all(), self._queues.depths())
        except Unavailable:
            return Told(False)
