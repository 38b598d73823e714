"""Sending again what was lost on the way, for every kind of work: messages nobody took, work whose worker is gone."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog

from services.errors import Unavailable

log = structlog.get_logger()

FIRST_RESEND_SECONDS = 30
LONGEST_RESEND_SECONDS = 240
# More than workers take up between two sweeps; a sweep of everything after a long outage would keep a worker from its
# next sign of life.
SENT_AT_ONCE = 500
# After an outage every lease has run out. Those whose holders are alive renew them now, so they go first. Longer than
# a sweep's interval and the time-out of a call together: the outage is over some time after the last look at it failed.
GRACE_SECONDS = 20


class Due(Protocol):
    """A piece of work that is not finished: when it is due, who works on it, how often it was sent again."""

    @property
    def ref(self) -> Any: ...
    @property
    def due(self) -> datetime: ...
    @property
    def holder(self) -> str | None: ...
    @property
    def resent(self) -> int: ...


class Unfinished(Protocol):
    """Where the work of one kind is found."""

    def server_time(self) -> datetime: ...
    def due(self, before: datetime) -> Sequence[Any]: ...
    def all(self) -> Sequence[Any]: ...
    def postpone(self, work: Any, seconds: float) -> bool: ...
    def release_held_by(self, holder: str) -> int: ...


class Resending:
    """Run at boot and every few seconds by every worker; any number of them send each piece once."""

    def __init__(self, unfinished: Unfinished, send: Callable[[Any], None], *, kind: str, holder: str) -> None:
        self._unfinished = unfinished
        self._send_message = send
        self.kind = kind
        self._holder = holder
        self._grace_ends_at = 0.0

    def sweep(self) -> int:
        """Send everything that is due; how many were sent."""
        sent = 0
        for work in self._due():
            # Postponed first: the one sweep whose write lands sends. Further each time: in a long queue the message is
            # not lost, and copies of it would only make the queue longer.
            if self._unfinished.postpone(work, min(FIRST_RESEND_SECONDS * 2**work.resent, LONGEST_RESEND_SECONDS)):
                if not self._send(work.ref):
                    break
                sent += 1
        if sent:
            log.info("Unfinished work was sent again.", kind=self.kind, sent=sent)
        return sent

    def recover_own(self) -> int:
        """After a restart of the in-process worker: give back what it held and send everything; how many were sent.

        Its queue was in memory, so nothing that waits is in any queue now.
        """
        released = self._unfinished.release_held_by(self._holder)
        waiting = [work for work in self._unfinished.all() if work.holder is None]
        sent = sum(self._send(work.ref) for work in waiting)
        if sent:
            log.info("Work from before the restart was sent.", kind=self.kind, sent=sent, interrupted=released)
        return sent

    def _due(self) -> Sequence[Due]:
        """By the clock of the database, which all leases go by, so that a worker's own may be wrong."""
        try:
            due = self._unfinished.due(self._unfinished.server_time())
        except Unavailable:
            self._grace_ends_at = time.monotonic() + GRACE_SECONDS
            raise
        if time.monotonic() < self._grace_ends_at:
            due = [work for work in due if work.holder is None]
        return due[:SENT_AT_ONCE]

    def _send(self, ref: Any) -> bool:
        try:
            self._send_message(ref)
        except Unavailable as error:
            log.warning("The queue could not be reached.", kind=self.kind, error=error.message)
            return False
        return True
