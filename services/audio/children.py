"""A child process for each recording, forked by a server of this process's own, whose samples come as a stream."""

import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

import numpy as np
import structlog

from services.audio.fork_protocol import ENDED, OUTCOME_BYTES, SAMPLE_BYTES, STARTED, most_bytes
from services.audio.samples import SAMPLE_RATE_HZ, Samples
from services.audio.server_process import FORK_SERVER, ServerLostError, ServerProcess
from services.errors import TranscriptionFailed
from services.pulse import PULSE_SECONDS

log = structlog.get_logger()

# The child bounds its own CPU time; this is for a machine that gives it none.
PATIENCE_SECONDS = 180.0
# Until the server has forked: at most its own start, on a busy machine.
START_SECONDS = 60.0
TRIES = 2
# Some four seconds: what is done to samples is done to so many at once.
BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended (as `Popen.returncode`), what it took, and the line in which it said what became of it."""

    exit_code: int
    cpu_seconds: float
    peak_kilobytes: int
    said: bytes


Blocks = Generator[Samples, None, Ended]


class Children:
    """Decodes recordings in children. Any number of threads may; the server is started when it is first needed."""

    def __init__(self, command: Sequence[str] = FORK_SERVER) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._server: ServerProcess | None = None

    def blocks(self, content: bytes | Iterable[bytes], *, max_seconds: float, on_wait: Callable[[], None]) -> Blocks:
        """Some seconds of samples at a time, and how the child ended.

        While nobody asks for the next one the child waits, for as long as that takes. Raises `TranscriptionFailed` when
        there is no child to be had or it does not go on, and what `on_wait` does.
        """
        given = 0
        for _ in range(TRIES):
            server = self.server()
            blocks, place = _blocks(server, content, max_seconds, on_wait), 0
            try:
                while True:
                    block = next(blocks)
                    place += len(block)
                    # A second child says again what the first one said.
                    if place > given:
                        fresh, given = place - given, place
                        yield block[-fresh:]
            except StopIteration as stopped:
                return cast(Ended, stopped.value)
            except ServerLostError:
                log.warning("The decoding server was lost; another one is started.", exit_status=self._end(server))
            finally:
                blocks.close()
        raise TranscriptionFailed("The recording could not be decoded this time.")

    def server(self) -> ServerProcess:
        """The one that runs, or a new one."""
        with self._lock:
            if self._server is None or self._server.owner_pid != os.getpid():
                self._server = ServerProcess(self._command)
            return self._server

    @property
    def is_running(self) -> bool:
        return self._server is not None

    def close(self) -> None:
        with self._lock:
            if self._server is not None and self._server.owner_pid == os.getpid():
                self._server.end()
            self._server = None

    def _end(self, server: ServerProcess) -> int:
        """Others may have lost the same one, and started another since."""
        with self._lock:
            if self._server is server:
                self._server = None
            return server.end()


@dataclass(slots=True)
class _Patience:
    """How many seconds may still be spent waiting, what is raised after them, and who hears of it in the meantime."""

    seconds: float
    late: Exception
    on_wait: Callable[[], None]
    _heard_of_at: float = field(default_factory=time.monotonic)

    def fill(self, buffer: memoryview, source: socket.socket) -> int:
        """Receive as much as there is room for; how much it was, which is less at the end."""
        filled = 0
        while filled < len(buffer):
            part = self._receive(buffer[filled:], source)
            if part == 0:
                break
            filled += part or 0
        return filled

    def _receive(self, buffer: memoryview, source: socket.socket) -> int | None:
        began = time.monotonic()
        source.settimeout(max(0.001, min(PULSE_SECONDS, self.seconds)))
        try:
            part = source.recv_into(buffer)
        except TimeoutError:
            part = None
        now = time.monotonic()
        self.seconds -= now - began
        if part is None and self.seconds <= 0:
            raise self.late
        if part is None or now - self._heard_of_at >= PULSE_SECONDS:
            self._heard_of_at = now
            self.on_wait()
        return part


def _blocks(
    server: ServerProcess, content: bytes | Iterable[bytes], max_seconds: float, on_wait: Callable[[], None]
) -> Blocks:
    with _scratch() as recording, _scratch() as outcome:
        recording.writelines([content] if isinstance(content, bytes) else content)
        recording.seek(0)
        report, theirs = socket.socketpair()
        samples, written = socket.socketpair()
        # Closing the report is what ends the child, whatever ended the wait.
        with report, samples:
            with theirs, written:
                server.ask(max_seconds, [each.fileno() for each in (recording, outcome, written, theirs)])
            _message(report, STARTED, _Patience(START_SECONDS, ServerLostError(), on_wait))
            late = TranscriptionFailed("The recording could not be decoded in time.")
            patience = _Patience(PATIENCE_SECONDS, late, on_wait)
            yield from _received(samples, max_seconds, patience)
            exit_code, cpu_seconds, peak_kilobytes = _message(report, ENDED, patience)
        outcome.seek(0)  # the child's position is also ours
        return Ended(exit_code, cpu_seconds, peak_kilobytes, outcome.readline(OUTCOME_BYTES))


def _received(samples: socket.socket, max_seconds: float, patience: _Patience) -> Generator[Samples, None, None]:
    left_bytes = most_bytes(max_seconds)
    filled = BLOCK_BYTES
    while filled == BLOCK_BYTES:
        block = np.empty(BLOCK_BYTES // SAMPLE_BYTES, np.float32)
        filled = patience.fill(block.data.cast("B"), samples)
        left_bytes -= filled
        # A child that is still what it was when it was forked ends itself there.
        if left_bytes < 0:
            raise TranscriptionFailed("The recording could not be decoded this time.")
        heard = block[: filled // SAMPLE_BYTES]
        # Whatever the length: only who decodes more slowly than people speak runs out of it.
        patience.seconds += len(heard) / SAMPLE_RATE_HZ
        if len(heard):
            yield heard


def _message(report: socket.socket, message: struct.Struct, patience: _Patience) -> tuple[Any, ...]:
    received = bytearray(message.size)
    if patience.fill(memoryview(received), report) < message.size:
        raise ServerLostError
    return message.unpack(received)


def _scratch() -> BinaryIO:
    """A file of no name: in memory, or where there is no such thing, on the disk."""
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("recording"), "w+b")
    return cast(BinaryIO, tempfile.TemporaryFile())
