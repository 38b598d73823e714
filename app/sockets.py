"""The socket under a live connection, guarded against clients that talk without end or never read."""

import re
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

from werkzeug.datastructures import Headers

# A client has nothing to say but pongs and goodbye: forty pongs in the longest lifetime are a few hundred bytes.
RECEIVED_BYTES_AT_MOST = 64 * 1024
SEND_SECONDS_AT_MOST = 10.0
# Sixteen bytes in base64 (RFC 6455, section 4.1).
_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
# simple-websocket decodes these, and a number of bits has to be one.
_IN_ASCII = ("Connection", "Host", "Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol")
_NO_NUMBER = re.compile(r"_max_window_bits\s*=(?!\s*\d{1,2}\s*(?:[;,]|$))")
_IN_ENVIRON = ("gunicorn.socket", "werkzeug.socket")


class GuardedSocket:
    """A socket that two threads may send on: whole messages, one after the other."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self._received_bytes = 0

    def send(self, data: bytes) -> int:
        """Send all of it; raises `OSError` when the client does not read for `SEND_SECONDS_AT_MOST`."""
        with self._lock:
            self._sock.sendall(data)
        return len(data)

    def recv(self, size: int) -> bytes:
        """Raises `OSError` once the client has sent more than a listener has to say."""
        data = self._sock.recv(size)
        self._received_bytes += len(data)
        if self._received_bytes > RECEIVED_BYTES_AT_MOST:
            raise OSError("the client talks too much")
        return data

    def close(self) -> None:
        """Only end the connection: the number of its file is the server's to give back.

        simple-websocket closes from a thread of its own, at any moment. The number could be a new connection's while
        the server still looks at it.
        """
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


def is_handshake(headers: Headers) -> bool:
    """Whether it has what simple-websocket takes for granted; Werkzeug has seen to the rest."""
    is_key = _KEY.fullmatch(headers.get("Sec-WebSocket-Key", "")) is not None
    is_readable = all(headers.get(name, "").isascii() for name in _IN_ASCII)
    is_readable = is_readable and _NO_NUMBER.search(headers.get("Sec-WebSocket-Extensions", "")) is None
    return is_key and is_readable and headers.get("Sec-WebSocket-Version") == "13" and bool(headers.get("Host"))


def guard(environ: dict[str, Any]) -> None:
    """Guard the request's socket, where the server hands it on."""
    for name in _IN_ENVIRON:
        if name in environ:
            # By the kernel: a time-out of Python's would count for reading, too.
            limit = struct.pack("ll", *divmod(round(SEND_SECONDS_AT_MOST * 1_000_000), 1_000_000))
            environ[name].setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
            environ[name] = GuardedSocket(environ[name])
