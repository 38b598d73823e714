"""Further tries at a model: few, apart, and not past the deadline."""

import random
from collections.abc import Callable
from typing import TypeVar

import structlog

from services.feedback.deadline import Deadline
from services.feedback.failures import ModelUnavailable, OutputInvalid

log = structlog.get_logger()

T = TypeVar("T")

TRIES = 3
FIRST_PAUSE_SECONDS = 0.5
# Who asks for a longer pause is not asked again: somebody waits for the feedback.
LONGEST_PAUSE_SECONDS = 10.0


def trying(work: Callable[[], T], deadline: Deadline) -> T:
    """What `work` returns, at once or after `ModelUnavailable` and `OutputInvalid`; raises the last of them."""
    for number in range(1, TRIES + 1):
        try:
            return work()
        except (ModelUnavailable, OutputInvalid) as failure:
            pause = _pause_seconds(failure, number)
            if number == TRIES or pause > LONGEST_PAUSE_SECONDS or pause >= deadline.left_seconds:
                raise
            log.info("A model is asked again.", code=failure.code, tries=number, seconds=round(pause, 1))
        deadline.pause(pause)
    raise AssertionError("the last try returns or raises")


def _pause_seconds(failure: ModelUnavailable | OutputInvalid, number: int) -> float:
    """What the server asks for; else twice as long each time, and at random, so that many do not come back at once."""
    if isinstance(failure, OutputInvalid):
        return 0.0
    own: float = FIRST_PAUSE_SECONDS * 2 ** (number - 1) * (1 + random.random())  # noqa: S311 - no secret depends on it
    return max(own, failure.retry_after_seconds or 0.0)
