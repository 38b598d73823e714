"""The fork server as the worker that started it sees it: services/audio/fork_server.py."""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence

from config import ROOT
from services.audio.fork_protocol import REQUEST
from services.pulse import PULSE_SECONDS

# A thread of OpenBLAS beside the server's only one would make forking a gamble.
PYTHON = ("/usr/bin/env", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", sys.executable)
FORK_SERVER = (*PYTHON, "-m", "services.audio.fork_server")


class ServerLostError(Exception):
    """Raised when the server ended or hangs: of the recording nothing is known."""


class ServerProcess:
    """The process, and the socket over which it is asked. It ends when the socket closes, and so with this process."""

    def __init__(self, command: Sequence[str]) -> None:
        self.owner_pid = os.getpid()
        self._requests, theirs = socket.socketpair()
        # A server that hangs must not make those hang who ask it.
        self._requests.settimeout(PULSE_SECONDS)
        with theirs:
            # In a session of its own: Ctrl-C in a terminal must not end it, or healthy answers would be delayed.
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd=ROOT, start_new_session=True
            )
        self.pid = self._process.pid

    def ask(self, max_seconds: float, files: Sequence[int]) -> None:
        try:
            socket.send_fds(self._requests, [REQUEST.pack(max_seconds)], files)
        except OSError as error:
            raise ServerLostError from error

    def end(self) -> int:
        self._requests.close()
        self._process.kill()
        return self._process.wait()
