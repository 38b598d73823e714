"""A circuit breaker: what has failed several times in a row is left alone for a while, and callers hear so at once."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import TypeVar

import pybreaker
import structlog

from services.errors import Unavailable

log = structlog.get_logger()

T = TypeVar("T")


class CircuitBreaker:
    """One for each server that may be away. pybreaker counts; this lets calls run side by side, and one try again.

    (pybreaker's own `call` holds its lock while the call runs: one that hangs would hold up every other.)
    """

    def __init__(self, name: str, *, failures: int, reset_seconds: float) -> None:
        self._name = name
        self._reset = timedelta(seconds=reset_seconds)
        self._memory = pybreaker.CircuitMemoryStorage(pybreaker.STATE_CLOSED)
        self._breaker = pybreaker.CircuitBreaker(
            failures, reset_seconds, state_storage=self._memory, throw_new_error_on_trip=False
        )
        self._lock = threading.Lock()
        self._is_trying = False

    def call(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises; raises `Unavailable` at once while the server is left alone."""
        is_trial = self._admit()
        try:
            result = work()
        except Exception as error:
            log.warning("A call to another server failed.", server=self._name, error=type(error).__name__)
            self._report(error)
            raise
        else:
            self._report(None)
            return result
        finally:
            if is_trial:
                self._is_trying = False

    def _admit(self) -> bool:
        """Whether this is the one call that finds out how things are."""
        with self._lock:
            opened_at = self._memory.opened_at
            if self._breaker.current_state != pybreaker.STATE_OPEN or opened_at is None:
                return False
            left = (opened_at + self._reset - datetime.now(UTC)).total_seconds()
            if left > 0 or self._is_trying:
                raise Unavailable("A server we need does not answer at the moment.", retry_after_seconds=_wait(left))
            self._is_trying = True
            return True

    def _report(self, error: Exception | None) -> None:
        def repeat() -> None:
            if error is not None:
                raise error

        try:
            self._breaker.call(repeat)
        except pybreaker.CircuitBreakerError:
            # It opened while this call was under way: known already.
            return
        except Exception as repeated:
            if repeated is not error:
                raise


def _wait(seconds: float) -> int:
    return max(1, ceil(seconds))
