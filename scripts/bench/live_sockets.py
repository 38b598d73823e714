"""Many open sockets in one thread, so that the client does not measure its own waiting.

simple-websocket's client takes a thread for each socket; 50 of them in one process would wait for one another.
"""

import json
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import Request, TextMessage

CONNECT_SECONDS = 10.0
SELECT_SECONDS = 0.1
RECEIVE_BYTES = 65536


@dataclass
class _Open:
    """One socket and what was received over it: when, and the bytes of it."""

    session_id: str
    connection: socket.socket
    protocol: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.CLIENT))
    received: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def has_heard(self) -> bool:
        """Whether anything came after the reply to the handshake: the snapshot."""
        return not b"".join(data for _, data in self.received).endswith(b"\r\n\r\n")


class LiveSockets:
    """Follows sessions; `arrivals` tells when each change arrived. The clock is `time.perf_counter`."""

    def __init__(self, url: str, token: str) -> None:
        self._address, self._token = urlsplit(url).netloc, token
        self._selector = selectors.DefaultSelector()
        self._open: list[_Open] = []
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._receive, daemon=True)

    def follow(self, session_id: str) -> None:
        """Open a socket and return once the service has accepted it."""
        host, _, port = self._address.partition(":")
        connection = socket.create_connection((host, int(port)), CONNECT_SECONDS)
        opened = _Open(session_id, connection)
        request = Request(self._address, f"/ws/sessions/{session_id}", extra_headers=self._authorization())
        connection.sendall(opened.protocol.send(request))
        while b"\r\n\r\n" not in (head := b"".join(data for _, data in opened.received)):
            opened.received.append((time.perf_counter(), connection.recv(RECEIVE_BYTES)))
        if not head.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(f"a socket was refused: {head[:200]!r}")
        self._open.append(opened)
        self._selector.register(connection, selectors.EVENT_READ, opened)

    def start(self) -> None:
        """Begin to receive (no socket can be opened from here on) and return when each has its snapshot."""
        self._thread.start()
        deadline = time.monotonic() + CONNECT_SECONDS
        while not all(each.has_heard for each in self._open):
            if time.monotonic() > deadline:
                raise TimeoutError("not every socket was sent a snapshot")
            time.sleep(SELECT_SECONDS)

    def close(self) -> None:
        self._is_closed.set()
        self._thread.join()
        for each in self._open:
            each.connection.close()

    def count(self) -> int:
        """How many sockets the service has not closed."""
        return len(self._selector.get_map())

    def arrivals(self) -> list[tuple[str, int, float]]:
        """(session id, seq, time) of every change that arrived; for after `close`, and once."""
        return [
            (each.session_id, message["seq"], arrived_at)
            for each in self._open
            for arrived_at, data in each.received
            for message in _messages(each.protocol, data)
            if message["type"] == "answer"
        ]

    def _receive(self) -> None:
        while not self._is_closed.is_set() and self._selector.get_map():
            for key, _ in self._selector.select(SELECT_SECONDS):
                opened: _Open = key.data
                data = opened.connection.recv(RECEIVE_BYTES)
                if data:
                    opened.received.append((time.perf_counter(), data))
                else:
                    self._selector.unregister(opened.connection)

    def _authorization(self) -> list[tuple[bytes, bytes]]:
        return [(b"authorization", f"Bearer {self._token}".encode())]


def _messages(protocol: WSConnection, data: bytes) -> list[dict[str, Any]]:
    """The messages that are complete with this data, which is all that was read at a time."""
    protocol.receive_data(data)
    # Pings are not answered: a benchmark is over before the service minds.
    texts = [event.data for event in protocol.events() if isinstance(event, TextMessage)]
    return [json.loads(text) for text in texts]
