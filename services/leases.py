"""Working on what can be claimed: what becomes of it however an attempt goes. The same for every kind of work."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol, TypeVar

import structlog

from services.errors import LeaseLost, ParleyError, Unavailable, WorkRejected
from services.log import trace_of
from services.watchdog import Watchdog, Watched

log = structlog.get_logger()

T = TypeVar("T")

# What ended its process three times will do it again.
MAX_CRASHES = 3
FIRST_BACKOFF_SECONDS = 5
# Looked at with every sign of life, and below the actor's own limit, which would count no attempt.
DEADLINE_SECONDS = 45 * 60
# With the database away a result is worth waiting for; short pauses, since a shutdown comes between them.
PATIENCE_SECONDS = 120
PAUSE_SECONDS = 0.5


class AttemptTookTooLong(ParleyError):
    """Raised at the deadline; another attempt may be faster."""

    code = "took_too_long"


class Counts(Protocol):
    """How often it was tried, this time included, and how often whoever held it was never heard of again."""

    @property
    def attempts(self) -> int: ...
    @property
    def crashes(self) -> int: ...


class Lease(Protocol):
    """One piece of work for one worker. Its token is known before the claim, and every write carries it."""

    @property
    def facts(self) -> Mapping[str, str]:
        """What the log says of it."""
        ...

    def claim(self, holder: str) -> Counts | None:
        """Take it for a holder; None when there is nothing to take."""
        ...

    def hold(self) -> None:
        """Extend the lease."""
        ...

    def give_back(self) -> None:
        """Release it as if it had never been claimed; `LeaseLost` when it never was."""
        ...

    def put_off(self, seconds: float) -> None:
        """Release it after an attempt that failed."""
        ...

    def reject(self, error: WorkRejected) -> None:
        """End it: no attempt can succeed."""
        ...

    def exhaust(self) -> None:
        """End it: the last attempt failed."""
        ...

    def give_up(self) -> None:
        """End it: it ended its workers."""
        ...


class Attempt:
    """What the work itself tells while it runs."""

    def __init__(self, watched: Watched, *, is_last: bool, patience_seconds: float) -> None:
        self.is_last = is_last
        self._watched = watched
        self._patience_seconds = patience_seconds
        self._ends_at = time.monotonic() + DEADLINE_SECONDS
        self._away_until = 0.0

    def renew(self, write: Callable[[], None]) -> None:
        """A sign of life, with the write that renews the lease; raises at the deadline, and `LeaseLost`."""
        if time.monotonic() > self._ends_at:
            raise AttemptTookTooLong("The work took too long.")
        self._watched.sign()
        if time.monotonic() < self._away_until:
            return
        try:
            write()
        except Unavailable as error:
            # No reason to stop: should the lease run out, the fence protects whoever takes over.
            log.warning("A lease was not renewed.", reason=error.message, **self._watched.facts)
            self._away_until = time.monotonic() + PAUSE_SECONDS * 4
        finally:
            self._watched.sign()

    def insist(self, write: Callable[[], T]) -> T:
        """Call again while the database is away, for a while; a write that did land is found out by its fence."""
        return insist(write, self._patience_seconds, sign=self._watched.sign)


class LeasedWork:
    """Claims and works. Any number of workers may be told of one piece: one claims it, one result lands."""

    def __init__(
        self, watchdog: Watchdog, *, holder: str, max_attempts: int, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """`patience_seconds` is how long to wait for a database that is away: none where a person waits, too."""
        self._watchdog = watchdog
        self._holder = holder
        self._max_attempts = max_attempts
        self._patience_seconds = patience_seconds

    def work_on(self, lease: Lease, work: Callable[[Attempt], None]) -> None:
        """Whatever happens, the piece ends or goes back; left until its lease ends only where the database is away."""
        try:
            self._claim_and_work(lease, work)
        except (LeaseLost, Unavailable) as error:
            log.warning("Work was left.", reason=error.message, **lease.facts)
        except Exception:
            raise
        except BaseException:
            # Dramatiq's Shutdown and TimeLimitExceeded: no `Exception`, not the work's fault, and raised at any moment,
            # also while the claim is on its way.
            with suppress(ParleyError):
                lease.give_back()
            raise

    def _claim_and_work(self, lease: Lease, work: Callable[[Attempt], None]) -> None:
        try:
            counts = lease.claim(self._holder)
        except Unavailable:
            # The claim may have landed: nobody would know of it, and it would count as a crash.
            insist(lease.give_back, self._patience_seconds)
            return
        if counts is None:
            log.debug("There was nothing to claim.", **lease.facts)
        elif counts.crashes >= MAX_CRASHES:
            log.error("Work ended its workers several times.", crashes=counts.crashes, **lease.facts)
            insist(lease.give_up, self._patience_seconds)
        else:
            with self._watchdog.watching(lease.hold, lease.facts) as watched:
                # Crashes are counted apart: two lost machines leave an answer all its tries at a provider that fails.
                tries = counts.attempts - counts.crashes
                is_last = tries >= self._max_attempts
                attempt = Attempt(watched, is_last=is_last, patience_seconds=self._patience_seconds)
                self._attempt(lease, work, tries, attempt)

    def _attempt(self, lease: Lease, work: Callable[[Attempt], None], tries: int, attempt: Attempt) -> None:
        try:
            work(attempt)
        except WorkRejected as error:
            log.info("Work was rejected.", code=error.code, **lease.facts)
            rejected = error
            attempt.insist(lambda: lease.reject(rejected))
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged, without what it says
            log.error("An attempt failed.", exception=trace_of(error), attempts=tries, **lease.facts)
            # No message is sent for the next one: the sweep does when it is due.
            if attempt.is_last:
                attempt.insist(lease.exhaust)
            else:
                attempt.insist(lambda: lease.put_off(FIRST_BACKOFF_SECONDS * 2 ** (tries - 1)))


def insist(write: Callable[[], T], patience_seconds: float, *, sign: Callable[[], None] = lambda: None) -> T:
    """Call until the database answers; raises `Unavailable` when it does not for so long."""
    ends_at = time.monotonic() + patience_seconds
    while True:
        try:
            return write()
        except Unavailable:
            if time.monotonic() > ends_at:
                raise
        sign()
        time.sleep(PAUSE_SECONDS)
