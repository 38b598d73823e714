"""What is no request at all: it is told so as everybody is, leaves no trace in the log, and harms no one else."""

import json
import os
import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from gunicorn.http import errors

from scripts.refusals import refuse
from tests.api.conftest import Interview, RunningServer
from tests.api.test_gunicorn import gunicorn  # noqa: F401 (the fixture)
from tests.api.test_slow_clients import PROMPTLY_SECONDS, connect, seconds_until_alive
from tests.processes import descendants, wait_until

HEAD = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
POST = "POST /api/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer TOKEN\r\n"
CHUNKED = f"{POST}Transfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "a blank in the address": (400, "GET /?token=secret here HTTP/1.1\r\nHost: x\r\n\r\n"),
    "no version": (400, "GET /healthz\r\n\r\n"),
    "an empty line first": (400, f"\r\n\r\n{HEAD}\r\n"),
    "two lengths": (400, f"{POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
    "a length and chunks": (400, f"{POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "an address too long": (414, f"GET /{'a' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n"),
    "too many headers": (431, HEAD + "".join(f"X-{number}: y\r\n" for number in range(200)) + "\r\n"),
    "an unknown coding": (501, f"{POST}Transfer-Encoding: gzip-ish\r\n\r\n"),
    "an unknown expectation": (417, f"{POST}Expect: miracles\r\nContent-Length: 2\r\n\r\n{{}}"),
    "a chunk of no size": (400, f"{CHUNKED}zz\r\n{{}}\r\n0\r\n\r\n"),
    "a chunk of negative size": (400, f"{CHUNKED}-2\r\n{{}}\r\n0\r\n\r\n"),
    "a chunk that does not end": (400, f"{CHUNKED}2\r\n{{}}XX0\r\n\r\n"),
    "a token in the trailer": (400, f"{CHUNKED}2\r\n{{}}\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
}
HANDSHAKE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def everything(line: socket.socket) -> bytes:
    received = b""
    while data := line.recv(65_536):
        received += data
    return received


@pytest.mark.parametrize(("status", "sent"), BROKEN.values(), ids=list(BROKEN))
def test_what_is_no_request_is_answered_by_one_problem(
    gunicorn: RunningServer,  # noqa: F811
    token: str,
    status: int,
    sent: str,
) -> None:
    with closing(connect(gunicorn, f"{sent.replace('TOKEN', token)}{HEAD}\r\n")) as line:
        head, _, body = everything(line).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"content-type: application/problem+json" in head.lower()
    problem = json.loads(body)  # and nothing after it: what follows is not taken for a request
    assert problem["status"] == status
    assert problem["type"] == f"urn:parley:problem:{problem['code']}"
    assert problem["request_id"] in head.decode()


@pytest.mark.parametrize(
    "header",
    [
        "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=abc",
        "Sec-WebSocket-Extensions: \xe9",
        "Sec-WebSocket-Protocol: \xe9",
    ],
)
def test_an_unreadable_handshake_is_refused(gunicorn: RunningServer, interview: Interview, header: str) -> None:  # noqa: F811
    head = f"GET /ws/sessions/{interview.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {interview.link_token}"
    with closing(connect(gunicorn)) as line:
        line.sendall(f"{head}\r\n{HANDSHAKE}{header}\r\n\r\n".encode("latin-1"))
        assert line.recv(4096).startswith(b"HTTP/1.1 400")


def test_who_leaves_during_the_handshake_is_no_defect(gunicorn: RunningServer, interview: Interview) -> None:  # noqa: F811
    def answered(status: str) -> int:
        lines = httpx.get(f"{gunicorn.url}/metrics", trust_env=False).text.splitlines()
        label = f'route="/ws/sessions/<session_id>",status="{status}"'
        return sum(int(float(each.split()[-1])) for each in lines if "requests_total" in each and label in each)

    before, defects = answered("400"), answered("500")
    head = f"GET /ws/sessions/{interview.id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {interview.link_token}"
    for _ in range(10):
        line = connect(gunicorn, f"{head}\r\n{HANDSHAKE}\r\n")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        line.close()
    wait_until(lambda: answered("400") > before)
    assert answered("500") == defects


class Log:
    """Keeps everything that is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def error(self, message: str, *values: Any, exc_info: BaseException | None = None) -> None:
        self.said.append(f"error: {message % values}")

    def info(self, message: str, *values: Any) -> None:
        self.said.append(f"info: {message % values}")


def said_of(error: Exception) -> tuple[str, bytes]:
    ours, theirs = socket.socketpair()
    log = Log()
    with closing(theirs), closing(ours):
        refuse(ours, error, log)
        ours.shutdown(socket.SHUT_WR)
        return "\n".join(log.said), everything(theirs)


def test_the_log_says_what_was_wrong_and_not_what_was_sent() -> None:
    said, reply = said_of(errors.InvalidRequestLine("GET /?token=secret here HTTP/1.1"))
    assert said.startswith("info: What was sent is no request: InvalidRequestLine")
    assert "secret" not in said
    assert b"secret" not in reply


def test_a_defect_of_ours_is_told_from_what_is_no_request() -> None:
    said, reply = said_of(ZeroDivisionError("secret"))
    assert said.startswith("error: A request failed outside of the application: ZeroDivisionError")
    assert reply.startswith(b"HTTP/1.1 500")
    assert b"secret" not in reply


@pytest.fixture
def few_files(gunicorn: RunningServer) -> Iterator[set[int]]:  # noqa: F811
    """The service may not open more files than it has now, and a few."""
    assert seconds_until_alive(gunicorn) < PROMPTLY_SECONDS
    pids = {pid for pid in descendants(os.getpid()) if b"tests.api.serve" in Path(f"/proc/{pid}/cmdline").read_bytes()}
    before = {pid: resource.prlimit(pid, resource.RLIMIT_NOFILE) for pid in pids}
    for pid, (_, hard) in before.items():
        files = max(int(each.name) for each in Path(f"/proc/{pid}/fd").iterdir())
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (files + 10, hard))
    yield pids
    for pid, limits in before.items():
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)


def test_more_connections_than_files_end_none_of_those_there_are(
    gunicorn: RunningServer,  # noqa: F811
    few_files: set[int],
) -> None:
    kept = connect(gunicorn, f"{HEAD}\r\n")
    with ExitStack() as stack, closing(kept):
        assert kept.recv(4096).startswith(b"HTTP/1.1 200")
        for _ in range(50):
            stack.enter_context(closing(connect(gunicorn)))
        assert seconds_until_alive(gunicorn) < 5 * PROMPTLY_SECONDS
    wait_until(lambda: seconds_until_alive(gunicorn) < PROMPTLY_SECONDS)
    assert few_files <= descendants(os.getpid())
