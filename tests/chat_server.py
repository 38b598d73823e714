"""A server of 127.0.0.1 that speaks the protocol of OpenAI's chat endpoint, well or badly, as it is told."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-a-key-nobody-may-see"
MODEL = "tiny-model"


class Talk:
    """One request, and the ways to answer it."""

    def __init__(self, handler: BaseHTTPRequestHandler, asked: dict[str, Any], released: threading.Event) -> None:
        self._handler = handler
        self.asked = asked
        self.released = released

    @property
    def transcript(self) -> str:
        return str(json.loads(self.asked["messages"][-1]["content"])["transcript"])

    @property
    def parts(self) -> list[str]:
        """Those that the system's message names."""
        named = self.asked["messages"][0]["content"]
        return [name for name in ("coverage", "relevance", "specificity", "structure") if f'"{name}":' in named]

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self._handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()
        with suppress(ConnectionError):
            self._handler.wfile.write(body)

    def refuse(self, status: int, **headers: str) -> None:
        self.reply(status, json.dumps({"error": {"message": "no", "type": "test"}}).encode(), **headers)

    def complete(self, content: Any, **changes: Any) -> None:
        """A completion with this content, which is encoded unless it is text or None."""
        text = content if isinstance(content, str) or content is None else json.dumps(content)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": f"{MODEL}-2026-01-01",
            "choices": [choice],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
            **changes,
        }
        self.reply(200, json.dumps(body).encode())

    def judge(self, score: float = 80, comment: str = "You said enough.", quotes: list[str] | None = None) -> None:
        """As a model should."""
        quotes = [" ".join(self.transcript.split()[:5])] if quotes is None else quotes
        self.complete({name: {"score": score, "comment": comment, "quotes": quotes} for name in self.parts})

    def raw(self, content: bytes) -> None:
        """These bytes instead of HTTP."""
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.connection.sendall(content)

    def cut(self) -> None:
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def trickle(self, start: bytes, then: bytes = b" ") -> None:
        """Begin, and send a byte every 20 ms until the other side hangs up or the server is stopped."""
        self._handler.close_connection = True
        with suppress(OSError):
            self._handler.connection.sendall(start)
            while not self.released.wait(0.02):
                self._handler.connection.sendall(then)

    def hang(self) -> None:
        """Say nothing until the server is stopped."""
        self._handler.close_connection = True
        self.released.wait()


Answer = Callable[[Talk], None]


@dataclass
class ChatServer:
    """What was asked, and how the next requests are answered: `script` in order, then always `answer`."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    request_ids: list[str | None] = field(default_factory=list)
    answer: Answer = Talk.judge
    script: list[Answer] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server for one test."""
    told = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append({**asked, "path": self.path})
            told.keys.append(self.headers["Authorization"])
            told.request_ids.append(self.headers["X-Request-ID"])
            answer = told.script.pop(0) if told.script else told.answer
            answer(Talk(self, asked, told.released))

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        # Of more connections at once than this, and 5 is the default, the kernel resets some.
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Who hangs up on a bad answer is right."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}/v1"
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
