"""Connections that end at a deadline, however slowly the other side sends, and that a stopping worker is not held by.

A socket's own time-out begins anew with every byte. Here each wait is a short one, and between two of them Python runs:
the deadline is looked at, and an interruption that Dramatiq raises in this thread gets through.
"""

import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

SLICE_SECONDS = 0.5
CONNECT_SECONDS = 5.0
WRITTEN_AT_ONCE_BYTES = 16 * 1024


class Deadline:
    """A moment by which something has to be done."""

    def __init__(self, seconds: float) -> None:
        self._ends_at = time.monotonic() + seconds

    @property
    def left_seconds(self) -> float:
        return self._ends_at - time.monotonic()

    def slice_seconds(self, longest: float = SLICE_SECONDS) -> float:
        """How long to wait at once; raises httpcore's `ReadTimeout` when nothing is left."""
        left = self.left_seconds
        if left <= 0:
            raise httpcore.ReadTimeout("The deadline has passed.")
        return min(left, longest)

    def pause(self, seconds: float) -> None:
        """Sleep so long, or to the deadline."""
        until = time.monotonic() + min(seconds, self.left_seconds)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECONDS))


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections for one request."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.slice_seconds(CONNECT_SECONDS)
        stream = self._backend.connect_tcp(host, port, seconds, local_address, socket_options)
        return DeadlineStream(stream, self._deadline)


class DeadlineStream(httpcore.NetworkStream):
    """A connection whose waits are cut into slices."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            try:
                return self._stream.read(max_bytes, self._deadline.slice_seconds())
            except httpcore.ReadTimeout:
                self._deadline.slice_seconds()

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), WRITTEN_AT_ONCE_BYTES):
            seconds = self._deadline.slice_seconds(CONNECT_SECONDS)
            self._stream.write(buffer[start : start + WRITTEN_AT_ONCE_BYTES], seconds)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        seconds = self._deadline.slice_seconds(CONNECT_SECONDS)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, seconds), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
