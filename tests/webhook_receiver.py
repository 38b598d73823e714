"""A real HTTP server that receives webhooks, on 127.0.0.1, and behaves as it is told."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


Behaviour = Callable[["_Handler"], None]


def answering(status: int = 204, body: bytes = b"", **headers: str) -> Behaviour:
    """Answer at once."""

    def answer(handler: "_Handler") -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def cutting(handler: "_Handler") -> None:
    """Break the connection off instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    handler.connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Of more connections at once than this, and 5 is the default, the kernel resets some.
    request_queue_size = 128


class Receiver:
    """What was received, and how it answers: `behave` of every request, or `script` one by one before that."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.behave: Behaviour = answering()
        self.script: list[Behaviour] = []
        self.at_once = 0
        self.most_at_once = 0
        self.released = threading.Event()
        self._lock = threading.Lock()
        receiver = self

        class Handler(_Handler):
            def do_POST(self) -> None:
                receiver.take(self)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self.scheme = "http"

    def take(self, handler: "_Handler") -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self._lock:
            self.received.append(Received(handler.path, headers, body))
            behave = self.script.pop(0) if self.script else self.behave
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            behave(handler)
        except OSError:
            # The sender has gone.
            handler.close_connection = True
        finally:
            with self._lock:
                self.at_once -= 1

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    def hang(self, handler: "_Handler") -> None:
        """Answer only when `released` is set."""
        self.released.wait(60)
        answering()(handler)

    def trickle(self, handler: "_Handler") -> None:
        """A byte of the header now and then, without an end."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.released.wait(0.1):
            handler.wfile.write(b"a")

    def trickle_body(self, handler: "_Handler") -> None:
        """A good answer, whose body never ends."""
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while not self.released.wait(0.05):
            handler.wfile.write(b"a" * 1000)

    @contextmanager
    def running(self, tls: ssl.SSLContext | None = None) -> Iterator["Receiver"]:
        if tls is not None:
            self.scheme = "https"
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...
