"""A connection that has to move: what waits for a slow client longer than it may is cut, as if the client had left.

Only waiting for the client counts, not what the service does in between; so a stream that says little is not slow.
"""

import errno
import select
import socket
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pace:
    """How long one may wait for a client: `grace_seconds`, more for what it has moved, never `seconds_at_most`."""

    grace_seconds: float
    bytes_per_second: int
    seconds_at_most: float

    def allowance(self, moved_bytes: int) -> float:
        return min(self.grace_seconds + moved_bytes / self.bytes_per_second, self.seconds_at_most)


# 8 KiB a second is a bad mobile connection; 25 MiB at 1 Mbit/s take 210 s.
RECEIVING = Pace(grace_seconds=30.0, bytes_per_second=8 * 1024, seconds_at_most=600.0)
SENDING = Pace(grace_seconds=10.0, bytes_per_second=8 * 1024, seconds_at_most=600.0)


class PacedSocket(socket.socket):
    """An accepted connection. gunicorn takes the `ConnectionResetError` for a client that has left."""

    def __init__(self, accepted: socket.socket) -> None:
        super().__init__(fileno=accepted.detach())
        self._ahead = b""
        self.begin_request()

    def begin_request(self) -> None:
        """Forget how slow the last one was."""
        self._waited = {select.POLLIN: 0.0, select.POLLOUT: 0.0}
        self._moved = {select.POLLIN: 0, select.POLLOUT: 0}

    def read_ahead(self, data: bytes) -> None:
        """Give back what was read before its time; it is received first."""
        self._ahead = data + self._ahead

    @property
    def has_read_ahead(self) -> bool:
        return bool(self._ahead)

    def recv(self, size: int, flags: int = 0) -> bytes:
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
            return data
        self._wait(select.POLLIN, RECEIVING)
        data = super().recv(size, flags)
        self._moved[select.POLLIN] += len(data)
        return data

    def sendall(self, data: Any, flags: int = 0) -> None:
        left = memoryview(data).cast("B")
        while left:
            self._wait(select.POLLOUT, SENDING)
            try:
                # Not more than there is room for: a blocking send would wait for all of it.
                sent = self.send(left, flags | socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            self._moved[select.POLLOUT] += sent
            left = left[sent:]

    def _wait(self, event: int, pace: Pace) -> None:
        """Until the socket is ready; raises `TimeoutError` by its own time-out, `ConnectionResetError` by the pace."""
        own = self.gettimeout()
        if own == 0.0:
            return
        left = pace.allowance(self._moved[event]) - self._waited[event]
        # However much came before, a client that stops is not waited for longer than at first.
        seconds = max(0.0, min(left, pace.grace_seconds if own is None else own, pace.grace_seconds))
        poll = select.poll()
        poll.register(self, event)
        began = time.monotonic()
        is_ready = bool(poll.poll(seconds * 1000))
        self._waited[event] += time.monotonic() - began
        if not is_ready:
            if own is not None and own <= seconds:
                raise TimeoutError("timed out")
            raise ConnectionResetError(errno.ECONNRESET, "the client is too slow")
