"""The guard of a live connection's socket."""

import socket
import threading
from collections.abc import Iterator

import pytest
from werkzeug.datastructures import Headers

from app import sockets
from app.sockets import GuardedSocket, guard, is_handshake

Pair = tuple[socket.socket, socket.socket]
HANDSHAKE = {"Host": "h", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_two_threads_send_does_not_mix(pair: Pair) -> None:
    ours, theirs = pair
    guarded = GuardedSocket(ours)
    messages = [bytes([number]) * 300_000 for number in range(4)]
    threads = [threading.Thread(target=guarded.send, args=[message]) for message in messages]
    for thread in threads:
        thread.start()
    received = b""
    while len(received) < 1_200_000:
        received += theirs.recv(65_536)
    for thread in threads:
        thread.join()
    assert sorted(received[start : start + 300_000] for start in range(0, 1_200_000, 300_000)) == messages


def test_closing_it_ends_the_connection_and_leaves_the_file_to_the_server(pair: Pair) -> None:
    ours, theirs = pair
    guarded = GuardedSocket(ours)
    guarded.close()
    guarded.close()
    assert theirs.recv(1) == b""
    assert ours.fileno() >= 0


def test_a_client_that_talks_without_end_is_not_listened_to(pair: Pair) -> None:
    ours, theirs = pair
    guarded = GuardedSocket(ours)
    for _ in range(sockets.RECEIVED_BYTES_AT_MOST // 4096):
        theirs.sendall(bytes(4096))
        assert len(guarded.recv(4096)) == 4096
    theirs.sendall(b"!")
    with pytest.raises(OSError, match="talks too much"):
        guarded.recv(4096)


@pytest.mark.parametrize("name", ["gunicorn.socket", "werkzeug.socket"])
def test_a_client_that_does_not_read_holds_nobody_for_long(
    pair: Pair, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SEND_SECONDS_AT_MOST", 0.05)
    environ = {name: pair[0]}
    guard(environ)
    with pytest.raises(OSError, match="temporarily unavailable"):
        environ[name].send(bytes(50_000_000))


def test_everything_else_is_the_sockets_own(pair: Pair) -> None:
    assert GuardedSocket(pair[0]).fileno() == pair[0].fileno()


def test_a_request_without_a_socket_is_left_alone() -> None:
    environ = {"REQUEST_METHOD": "GET"}
    guard(environ)
    assert environ == {"REQUEST_METHOD": "GET"}


def test_a_handshake_is_known_by_its_headers() -> None:
    assert is_handshake(Headers(HANDSHAKE))
    for name in HANDSHAKE:
        assert not is_handshake(Headers({**HANDSHAKE, name: ""}))
    assert not is_handshake(Headers({**HANDSHAKE, "Sec-WebSocket-Version": "8"}))
    assert not is_handshake(Headers({**HANDSHAKE, "Sec-WebSocket-Key": "short"}))
