"""Parts are killed with everything they started, and a proxy breaks only what goes through it."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.chaos.cutter import Cutter
from scripts.chaos.parts import Part, Program
from tests.processes import wait_until

# A parent with a child, as a server with its workers.
SLEEP = "import time; time.sleep(60)"
FAMILY = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{SLEEP}']); {SLEEP}"


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    made = Part("family", Program([sys.executable, "-c", FAMILY], {}, tmp_path / "log"))
    made.start()
    wait_until(lambda: len(made.tree()) == 2)
    yield made
    made.stop()


def test_a_killed_part_leaves_nothing_behind(part: Part):
    part.kill()
    wait_until(lambda: part.left_behind() == [])
    assert not part.is_running


def test_a_process_that_outlives_its_part_is_seen_and_ended(part: Part):
    part.kill_one(0)
    wait_until(lambda: not part.is_running)
    assert len(part.left_behind()) == 1
    part.stop()
    wait_until(lambda: part.left_behind() == [])


def test_a_frozen_part_is_still_there_when_it_goes_on(part: Part):
    pid = part.pid
    part.freeze()
    assert part.is_frozen
    part.thaw()
    assert (part.pid, part.is_frozen) == (pid, False)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that says what it hears; its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=_echo, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def _echo(connection: socket.socket) -> None:
    with connection:
        try:
            while heard := connection.recv(100):
                connection.sendall(heard)
        except OSError:
            return


def test_what_is_sent_through_comes_back(echo: int):
    with Cutter([echo]) as cutter, socket.create_connection(("127.0.0.1", cutter.port), 5) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"


def test_a_connection_is_cut_when_its_time_is_over(echo: int):
    with Cutter([echo], lifetime=lambda: 0.2) as cutter:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", cutter.port), 5) as client, pytest.raises(ConnectionResetError):
            client.recv(100)
        assert time.monotonic() - began >= 0.1
        wait_until(lambda: cutter.cuts == 1)


def test_replies_are_swallowed_and_requests_are_not(echo: int):
    with (
        Cutter([echo], dropped_share=1.0) as cutter,
        socket.create_connection(("127.0.0.1", cutter.port), 5) as client,
    ):
        client.sendall(b"hello")
        wait_until(lambda: cutter.drops == 1)
        cutter.dropped_share = 0.0
        client.sendall(b"again")
        assert client.recv(100) == b"again"
