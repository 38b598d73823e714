"""A child process for each recording, forked by a server of this process's own: services/audio/fork_server.py."""

import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import numpy as np
import structlog

from config import ROOT
from services.audio.fork_protocol import ENDED, HEADER_BYTES, REQUEST, SAMPLE_BYTES, STARTED
from services.errors import TranscriptionFailed
from services.transcribers import PULSE_SECONDS, Samples

log = structlog.get_logger()

# The child bounds its own CPU time; this is for a machine that gives it none.
PATIENCE_SECONDS = 180.0
# Until the server has forked: at most its own start, on a busy machine.
START_SECONDS = 60.0
TRIES = 2
# A thread of OpenBLAS beside the server's only one would make forking a gamble.
PYTHON = ("/usr/bin/env", "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", sys.executable)
FORK_SERVER = (*PYTHON, "-m", "services.audio.fork_server")


class ServerLostError(Exception):
    """Raised when the server ended or hangs: of the recording nothing is known."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended (as `Popen.returncode`), what it took, and what it wrote: a line, and samples."""

    exit_code: int
    cpu_seconds: float
    peak_kilobytes: int
    said: bytes
    samples: Samples


class Children:
    """Decodes recordings in children. Any number of threads may; the server is started when it is first needed."""

    def __init__(self, command: Sequence[str] = FORK_SERVER) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._server: _Server | None = None

    def decode(self, content: bytes, *, max_seconds: float, on_wait: Callable[[], None]) -> Ended:
        """Raises `TranscriptionFailed` when there is no child to be had or it does not end, and what `on_wait` does."""
        for _ in range(TRIES):
            server = self.server()
            try:
                return _ended(server, content, max_seconds, on_wait)
            except ServerLostError:
                log.warning("The decoding server was lost; another one is started.", exit_status=self._end(server))
        raise TranscriptionFailed("The recording could not be decoded this time.")

    def server(self) -> "_Server":
        """The one that runs, or a new one."""
        with self._lock:
            if self._server is None or self._server.owner_pid != os.getpid():
                self._server = _Server(self._command)
            return self._server

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def close(self) -> None:
        with self._lock:
            if self._server is not None and self._server.owner_pid == os.getpid():
                self._server.end()
            self._server = None

    def _end(self, server: "_Server") -> int:
        """Others may have lost the same one, and started another since."""
        with self._lock:
            if self._server is server:
                self._server = None
            return server.end()


class _Server:
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


def _ended(server: _Server, content: bytes, max_seconds: float, on_wait: Callable[[], None]) -> Ended:
    with _scratch() as recording, _scratch() as result:
        recording.write(content)
        recording.seek(0)
        report, theirs = socket.socketpair()
        # Closing the report is what ends the child, whatever ended the wait.
        with report:
            with theirs:
                server.ask(max_seconds, [recording.fileno(), result.fileno(), theirs.fileno()])
            _wait(report, STARTED, START_SECONDS, on_wait, late=ServerLostError())
            late = TranscriptionFailed("The recording could not be decoded in time.")
            exit_code, cpu_seconds, peak_kilobytes = _wait(report, ENDED, PATIENCE_SECONDS, on_wait, late=late)
        result.seek(0)  # the child's position is also ours
        said = result.readline(HEADER_BYTES)
        samples = np.empty(max(0, os.fstat(result.fileno()).st_size - HEADER_BYTES) // SAMPLE_BYTES, np.float32)
        result.seek(HEADER_BYTES)
        cast(Any, result).readinto(samples)
        return Ended(exit_code, cpu_seconds, peak_kilobytes, said, samples)


def _wait(
    report: socket.socket, message: struct.Struct, seconds: float, on_wait: Callable[[], None], *, late: Exception
) -> tuple[Any, ...]:
    """The next message; `on_wait` is called every `PULSE_SECONDS`."""
    ends_at = time.monotonic() + seconds
    report.settimeout(min(PULSE_SECONDS, seconds))
    received = b""
    while len(received) < message.size:
        try:
            part = report.recv(message.size - len(received))
        except TimeoutError:
            if time.monotonic() >= ends_at:
                raise late from None
            on_wait()
            continue
        if not part:
            raise ServerLostError
        received += part
    return message.unpack(received)


def _scratch() -> BinaryIO:
    """A file of no name: in memory, or where there is no such thing, on the disk."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("recording"), "w+b")
    return cast(BinaryIO, tempfile.TemporaryFile())
