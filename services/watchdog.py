"""Watches over what a process works on: keeps its leases through long silences, ends it over an attempt that is dead.

A call into C that never returns cannot be interrupted. The process is ended then, and whoever supervises it starts the
next one; the lease runs out, and its next claim counts a crash.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import structlog

from services.errors import ParleyError
from services.pulse import PULSE_SECONDS

log = structlog.get_logger()

# Far above every silence that is none: a large model takes half a minute on a slow CPU for what it does in one go.
SILENCE_SECONDS = 600.0
# Of the watchdog itself: C code that holds the interpreter's lock keeps it from running, too.
OWN_SILENCE_SECONDS = 660.0
STDERR = 2
EXIT_CODE = 75  # EX_TEMPFAIL of sysexits.h


class Watched:
    """One attempt: its worker calls `sign` whenever it is alive; `hold` renews the lease where it is silent."""

    def __init__(self, hold: Callable[[], None], facts: Mapping[str, str]) -> None:
        self.hold = hold
        self.facts = facts
        # Ticks, not time: a process that was stopped for an hour and goes on has not been silent.
        self.silent_ticks = 0

    def sign(self) -> None:
        self.silent_ticks = 0


class Watchdog:
    """One for a process. Its thread runs between `start` and `stop`; `watching` does no harm without it."""

    def __init__(self, *, lease_seconds: float, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._tick_seconds = min(PULSE_SECONDS, lease_seconds / 5)
        self._ticks_between_holds = max(1, int(lease_seconds / 3 / self._tick_seconds))
        self._most_ticks = round(silence_seconds / self._tick_seconds)
        self._watched: set[Watched] = set()
        self._is_stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        _expect_to_run_again()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Also without a start."""
        self._is_stopped.set()
        if self._thread is not None:
            self._thread.join(timeout=2)

    @contextmanager
    def watching(self, hold: Callable[[], None], facts: Mapping[str, str]) -> Iterator[Watched]:
        """Watch over one attempt; `facts` are for the log."""
        watched = Watched(hold, facts)
        self._watched.add(watched)
        try:
            yield watched
        finally:
            self._watched.discard(watched)

    def _run(self) -> None:
        while not self._is_stopped.wait(self._tick_seconds):
            _expect_to_run_again()
            for watched in list(self._watched):
                self._look_at(watched)
        faulthandler.cancel_dump_traceback_later()

    def _look_at(self, watched: Watched) -> None:
        watched.silent_ticks += 1
        if watched.silent_ticks > self._most_ticks:
            self._end_process(watched)
        if watched.silent_ticks % self._ticks_between_holds == 0:
            try:
                watched.hold()
            except ParleyError as error:
                log.debug("A lease was not renewed.", reason=error.message, **watched.facts)
            except Exception:
                # Whatever it was, the others are to be watched over.
                log.exception("A lease could not be renewed.", **watched.facts)

    def _end_process(self, watched: Watched) -> None:
        seconds = round(self._most_ticks * self._tick_seconds)
        log.error("An attempt was not heard of any more; its process ends.", seconds=seconds, **watched.facts)
        faulthandler.dump_traceback(file=STDERR)
        sys.stderr.flush()
        os._exit(EXIT_CODE)


def _expect_to_run_again() -> None:
    """A thread in C, which needs nothing of the interpreter, writes down where every thread was and exits otherwise."""
    faulthandler.dump_traceback_later(OWN_SILENCE_SECONDS, exit=True, file=STDERR)
