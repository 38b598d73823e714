"""Clients that are slow, silent or gone must not keep the others waiting: gunicorn has 8 threads here."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import httpx
import pytest

from scripts import paced_socket, web_worker
from scripts.paced_socket import Pace, PacedSocket
from tests.api.conftest import Interview, RunningServer
from tests.api.test_gunicorn import gunicorn  # noqa: F401 (the fixture)
from tests.factories import wav_of

THREADS = 8
# Far below what the worst client is given, far above what a busy machine takes.
PROMPTLY_SECONDS = 4.0
# The first page of a reply that is larger than every buffer on the way.
LARGE = "/api/docs/swagger-ui-bundle.js"

Connect = Callable[[], socket.socket]


def connect(server: RunningServer, sent: str = "", receive_buffer: int | None = None) -> socket.socket:
    line = socket.socket()
    if receive_buffer is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    line.settimeout(30)
    line.connect((server.host, server.port))
    line.sendall(sent.encode())
    return line


def seconds_until_alive(server: RunningServer) -> float:
    began = time.monotonic()
    assert httpx.get(f"{server.url}/healthz", trust_env=False, timeout=60).status_code == 200
    return time.monotonic() - began


HEAD = "GET /healthz HTTP/1.1\r\nHost: x\r\n"
IMPOLITE = {
    "silent": "",
    "half a head": HEAD + "X-More: ",
    "a second head that does not come": f"{HEAD}\r\n{HEAD}",
    "not hanging up": f"{HEAD}Connection: close\r\n\r\n",
    "not HTTP": "\x16\x03\x01",
}


@pytest.mark.parametrize("sent", IMPOLITE.values(), ids=list(IMPOLITE))
def test_who_has_not_asked_yet_holds_no_thread(gunicorn: RunningServer, sent: str) -> None:  # noqa: F811
    with ExitStack() as stack:
        for _ in range(3 * THREADS):
            stack.enter_context(closing(connect(gunicorn, sent)))
        assert seconds_until_alive(gunicorn) < PROMPTLY_SECONDS


def test_a_head_that_comes_byte_by_byte_is_served_and_holds_no_thread(gunicorn: RunningServer) -> None:  # noqa: F811
    with ExitStack() as stack:
        lines = [stack.enter_context(closing(connect(gunicorn))) for _ in range(2 * THREADS)]
        for byte in (HEAD + "\r\n").encode():
            for line in lines:
                line.send(bytes([byte]))
        assert seconds_until_alive(gunicorn) < PROMPTLY_SECONDS
        for line in lines:
            assert line.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_head_that_does_not_end_is_given_up(gunicorn: RunningServer) -> None:  # noqa: F811
    with closing(connect(gunicorn, HEAD)) as line:
        began = time.monotonic()
        assert line.recv(4096) == b""
        assert time.monotonic() - began < web_worker.HEAD_SECONDS + PROMPTLY_SECONDS


def test_requests_in_one_packet_are_all_answered(gunicorn: RunningServer) -> None:  # noqa: F811
    with closing(connect(gunicorn, f"{HEAD}\r\n" * 5)) as line:
        received = b""
        while received.count(b'{"status":"ok"}') < 5:
            data = line.recv(4096)
            assert data, received
            received += data


def test_a_head_larger_than_allowed_is_told_so(gunicorn: RunningServer) -> None:  # noqa: F811
    with closing(connect(gunicorn, f"{HEAD}X-Large: {'x' * 200_000}\r\n\r\n")) as line:
        assert line.recv(4096).startswith(b"HTTP/1.1 4")


def test_who_leaves_in_the_middle_of_a_head_leaves_nothing_behind(gunicorn: RunningServer) -> None:  # noqa: F811
    for _ in range(5 * THREADS):
        connect(gunicorn, HEAD).close()
    assert seconds_until_alive(gunicorn) < PROMPTLY_SECONDS


def test_an_upload_in_small_pieces_is_accepted(gunicorn: RunningServer, interview: Interview) -> None:  # noqa: F811
    recording = wav_of()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + recording + b"\r\n--b--\r\n"
    )
    head = (
        f"POST {interview.upload_path()} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {interview.link_token}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with closing(connect(gunicorn, head)) as line:
        for start in range(0, len(body), 1500):
            line.sendall(body[start : start + 1500])
        assert line.recv(4096).startswith(b"HTTP/1.1 202")


@pytest.fixture
def pair() -> Iterator[tuple[PacedSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    paced = PacedSocket(ours)
    yield paced, theirs
    paced.close()
    theirs.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_socket, "RECEIVING", Pace(0.3, 100_000, 1.0))
    monkeypatch.setattr(paced_socket, "SENDING", Pace(0.3, 100_000, 1.0))


Pair = tuple[PacedSocket, socket.socket]


def test_a_body_that_stops_is_cut(pair: Pair, impatient: None) -> None:
    ours, theirs = pair
    theirs.sendall(b"x" * 100_000)
    for _ in range(100):
        ours.recv(1000)
    with pytest.raises(ConnectionResetError):
        ours.recv(1000)


def receive_everything(line: PacedSocket) -> None:
    while line.recv(1000):
        pass


def test_a_body_that_trickles_is_cut(pair: Pair, impatient: None) -> None:
    ours, theirs = pair
    ended = threading.Event()

    def trickle() -> None:
        while not ended.wait(0.02):
            theirs.send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        with pytest.raises(ConnectionResetError):
            receive_everything(ours)
    finally:
        ended.set()
        thread.join()


def test_who_does_not_read_is_cut(pair: Pair, impatient: None) -> None:
    with pytest.raises(ConnectionResetError):
        pair[0].sendall(bytes(50_000_000))


def test_everything_sent_arrives(pair: Pair) -> None:
    ours, theirs = pair
    sent = bytes(range(256)) * 20_000
    thread = threading.Thread(target=ours.sendall, args=(sent,))
    thread.start()
    received = b""
    while len(received) < len(sent):
        received += theirs.recv(65536)
    thread.join()
    assert received == sent


def test_a_time_out_of_its_own_still_counts(pair: Pair) -> None:
    pair[0].settimeout(0.05)
    with pytest.raises(TimeoutError):
        pair[0].recv(10)
    pair[0].settimeout(0)
    with pytest.raises(BlockingIOError):
        pair[0].recv(10)


def test_what_was_read_ahead_is_received_first(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"third")
    ours.read_ahead(b"second ")
    ours.read_ahead(b"first ")
    assert (ours.recv(6), ours.recv(100), ours.recv(100)) == (b"first ", b"second ", b"third")


def test_a_slow_but_honest_upload_has_the_time_it_needs() -> None:
    megabit = 125_000
    for size in (540_000, 25 * 1024 * 1024):
        assert paced_socket.RECEIVING.allowance(size) > size / megabit
