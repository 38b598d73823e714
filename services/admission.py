"""Whether an upload may come in: there is room in the queue, and its owner has not had a day's share yet.

Asked before a byte of a recording is read, from counts that are at most about a second old: a burst may pass a limit
by what comes in within that second, which is cheaper than asking the database each time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.errors import TooManyRequests, Unavailable
from services.storage.usage import UsageStore

FRESH_SECONDS = 1.0
# Counting takes no more than this share of the time, however long the queue: where it takes 50 ms, it is done each 2 s.
MOST_OF_THE_TIME = 1 / 40
MOST_COUNTS = 4096
RETRY_FULL_SECONDS = 10
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quotas:
    """The most there may be; 0 of a daily one is no limit."""

    open_answers: int
    open_answers_per_owner: int
    daily_bytes_per_owner: int
    daily_audio_minutes_per_owner: int


class RecentCounts:
    """Counts by name, counted again when they are old; what is admitted meanwhile is added."""

    def __init__(self) -> None:
        self._counts: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: Hashable, count: Callable[[], float]) -> float:
        with self._lock:
            value, fresh_until = self._counts.get(name, (0.0, 0.0))
        if time.monotonic() < fresh_until:
            return value
        began = time.monotonic()
        value = count()
        now = time.monotonic()
        with self._lock:
            self._counts[name] = (value, now + max(FRESH_SECONDS, (now - began) / MOST_OF_THE_TIME))
            self._counts.move_to_end(name)
            if len(self._counts) > MOST_COUNTS:
                self._counts.popitem(last=False)
        return value

    def add(self, name: Hashable, amount: float) -> None:
        with self._lock:
            if name in self._counts:
                value, fresh_until = self._counts[name]
                self._counts[name] = (value + amount, fresh_until)


class Admission:
    """Refuses what would be too much. Who is refused keeps the recording and is told when to send it again."""

    def __init__(self, usage: UsageStore, quotas: Quotas) -> None:
        self._usage = usage
        self._quotas = quotas
        self._counts = RecentCounts()

    def check(self, owner_id: str, length_bytes: int) -> None:
        """Raise `Unavailable` when the queue is full, `TooManyRequests` when the owner's share is used up."""
        every, own = "open", ("open", owner_id)
        if self._counts.get(every, self._usage.open_answers) >= self._quotas.open_answers:
            raise Unavailable(
                "Too many answers wait for their transcripts at the moment. Please send the recording again soon.",
                code="queue_full",
                retry_after_seconds=RETRY_FULL_SECONDS,
            )
        waiting = self._counts.get(own, lambda: self._usage.open_answers(owner_id))
        if waiting >= self._quotas.open_answers_per_owner:
            raise TooManyRequests(
                "Too many answers of this owner wait for their transcripts. Please send the recording again soon.",
                code="too_many_open_answers",
                retry_after_seconds=RETRY_FULL_SECONDS,
            )
        self._check_day(owner_id, length_bytes)
        self._counts.add(every, 1)
        self._counts.add(own, 1)

    def _check_day(self, owner_id: str, length_bytes: int) -> None:
        most_bytes = self._quotas.daily_bytes_per_owner
        most_seconds = self._quotas.daily_audio_minutes_per_owner * 60
        now = datetime.now(UTC)
        of_bytes, of_audio = (("bytes", owner_id, now.date()), ("audio", owner_id, now.date()))
        if most_bytes:
            used_bytes = self._counts.get(of_bytes, lambda: self._usage.of_day(owner_id, now).bytes)
            if used_bytes + length_bytes > most_bytes:
                raise _used_up("bytes of recordings", "daily_bytes_exceeded", now)
        if most_seconds:
            used_seconds = self._counts.get(of_audio, lambda: self._usage.of_day(owner_id, now).audio_seconds)
            if used_seconds >= most_seconds:
                raise _used_up("minutes of audio", "daily_audio_exceeded", now)
        self._counts.add(of_bytes, length_bytes)


def _used_up(what: str, code: str, now: datetime) -> TooManyRequests:
    midnight = (now + DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    message = f"Today's share of {what} is used up. Please send the recording again after midnight (UTC)."
    return TooManyRequests(message, code=code, retry_after_seconds=int((midnight - now).total_seconds()) + 1)
