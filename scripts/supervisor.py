"""Keeps a program running: starts it again when it dies by itself, and ends with it when it is told to."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import IO

from config import ROOT
from scripts.child_process import kill_session, start_child

# What a program says that would only say so again: sysexits.h has it for a wrong configuration.
EXIT_CONFIGURATION = 78
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
POLL_SECONDS = 0.2
# The file descriptor, by its number, on which a program says that it has started: any byte.
READY_FD = "READY_FD"


@dataclass(frozen=True, slots=True)
class Patience:
    """After which pauses a program is started again. One that lived long enough begins anew.

    It is never given up: the database may be away for hours, and recordings that end their workers come one by one.
    """

    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 30.0
    settled_seconds: float = 60.0
    stop_seconds: float = 25.0


class Supervisor:
    """One program, as a child that never outlives us. Run in the main thread, which is where signals arrive.

    One that `says_when_ready` has nothing to finish before: told to stop while it starts, which may take minutes and
    may be deaf to signals, it is ended at once.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        patience: Patience,
        say: Callable[[str], None],
        *,
        says_when_ready: bool = False,
    ) -> None:
        self._command = command
        self._environment = environment
        self._patience = patience
        self._say = say
        self._says_when_ready = says_when_ready
        self._child: subprocess.Popen[bytes] | None = None
        self._stop_by: float | None = None

    def run(self) -> int:
        """Until we are told to stop, or the program says that its configuration is wrong; its exit code then."""
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        deaths, has_settled = 0, False
        while True:
            began = time.monotonic()
            code = self._run_once()
            lived_long = time.monotonic() - began >= self._patience.settled_seconds
            has_settled = has_settled or lived_long
            deaths = 1 if lived_long else deaths + 1
            if self._stop_by is not None:
                return max(code, 0)
            if code == EXIT_CONFIGURATION and not has_settled:
                return code
            if not self._pause(deaths, code):
                return 0

    def _run_once(self) -> int:
        ready, theirs = os.pipe()
        os.set_blocking(ready, False)
        with open(ready, "rb", buffering=0) as readiness:
            environment = {**self._environment, READY_FD: str(theirs)}
            self._child = start_child(self._command, cwd=ROOT, env=environment, pass_fds=(theirs,))
            os.close(theirs)
            if self._stop_by is not None:  # told so before there was anybody to pass it on to
                self._child.terminate()
            code = self._ended(self._child, readiness)
        # Should it have died alone: nothing of it may go on beside the next one.
        kill_session(self._child)
        return code

    def _ended(self, child: "subprocess.Popen[bytes]", readiness: IO[bytes]) -> int:
        has_started = not self._says_when_ready
        while True:
            try:
                return child.wait(POLL_SECONDS)
            except subprocess.TimeoutExpired:
                has_started = has_started or bool(readiness.read(1))
                if self._stop_by is None or (has_started and time.monotonic() <= self._stop_by):
                    continue
                self._say(f"It {'did not stop in time' if has_started else 'had not started yet'} and is ended.")
                kill_session(child)

    def _pause(self, deaths: int, code: int) -> bool:
        """False when we were told to stop meanwhile."""
        # Past the tenth death the longest pause has long been reached.
        doubled = self._patience.first_pause_seconds * 2 ** min(deaths - 1, 10)
        pause = min(doubled, self._patience.longest_pause_seconds)
        self._say(f"It ended by itself (exit code {code}) and is started again in {pause:g} s.")
        ends_at = time.monotonic() + pause
        while self._stop_by is None and time.monotonic() < ends_at:
            time.sleep(min(POLL_SECONDS, pause))
        return self._stop_by is None

    def _pass_on(self, number: int, _frame: FrameType | None) -> None:
        self._stop_by = self._stop_by or time.monotonic() + self._patience.stop_seconds
        if self._child is not None:
            # To Dramatiq, a closed terminal would mean "load everything anew".
            self._child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)
