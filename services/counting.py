"""Counts work where it ends, best effort: a count that is not made is no reason to do the work again."""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping

import structlog

from services.errors import Unavailable
from services.storage.counters import CounterStore

log = structlog.get_logger()

# The upper ends of what durations are told in; what takes longer than the last counts beyond it.
BUCKETS_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800)
_CODE = re.compile(r"[a-z0-9_]{1,64}")

# Of a kind of work, with a label: how often what happened.
Count = Callable[[str, str, Mapping[str, float]], None]


def counting(store: CounterStore) -> Count:
    def count(kind: str, label: str, counts: Mapping[str, float]) -> None:
        try:
            store.add(kind, label, counts)
        except Unavailable as error:
            log.warning("Something was not counted.", kind=kind, reason=error.message)

    return count


def uncounted(kind: str, label: str, counts: Mapping[str, float]) -> None:
    """Where nobody counts."""


def took(seconds: float) -> Mapping[str, float]:
    """One more that took so long."""
    return {"ended": 1, "seconds": seconds, f"buckets.{bisect_left(BUCKETS_SECONDS, seconds)}": 1}


def failed(code: str, what: str = "errors") -> Mapping[str, float]:
    """One more that failed, by its code; a code is a name of ours, and a field's."""
    return {f"{what}.{code if _CODE.fullmatch(code) else 'other'}": 1}
