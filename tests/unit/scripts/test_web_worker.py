"""What the main thread of a web process raises would end all its connections; here it ends the one it was about."""

import os
import selectors
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from scripts.web_worker import PatientWorker


class Log:
    """Counts the complaints."""

    def __init__(self) -> None:
        self.complaints: list[str] = []

    def exception(self, message: str) -> None:
        self.complaints.append(message)


@pytest.fixture
def worker() -> Iterator[Any]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = PatientWorker(1, os.getppid(), [listener], None, 30, Config(), Log())
        made.tpool = made.get_thread_pool()
        made.poller = selectors.DefaultSelector()
        made.method_queue.init()
        yield made
        made.tpool.shutdown()
        made.poller.close()
        made.method_queue.close()
        made.tmp.close()


@pytest.fixture
def two(worker: Any) -> Iterator[list[socket.socket]]:
    """Two connections that have not asked yet."""
    listener = worker.sockets[0]
    lines = [socket.create_connection(listener.getsockname()) for _ in range(2)]
    for _ in lines:
        worker.accept(listener)
    for line in lines:
        line.settimeout(10)
    yield lines
    for conn in list(worker.pending_conns):
        worker._drop(conn)
    for line in lines:
        line.close()


def fail(*_: object) -> None:
    raise KeyError("a defect")


def is_ended(line: socket.socket) -> bool:
    try:
        return line.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_callback_that_raises_ends_its_own_connection(
    worker: Any, two: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_gather", fail)
    two[0].sendall(b"GET")
    worker.wait_for_and_dispatch_events(timeout=10)
    assert (worker.nr_conns, len(worker.pending_conns), len(worker.log.complaints)) == (1, 1, 1)
    assert is_ended(two[0])
    monkeypatch.undo()
    two[1].sendall(b"GET")
    worker.wait_for_and_dispatch_events(timeout=10)
    assert (worker.nr_conns, len(worker.log.complaints)) == (1, 1)


@pytest.mark.parametrize("step", ["_begin", "_go_on"])
def test_a_connection_that_fails_at_a_step_is_counted_out_once(
    worker: Any, two: list[socket.socket], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, step, fail)
    conn = worker.pending_conns[0]
    for _ in range(2):
        if step == "_begin":
            worker.enqueue_req(conn)
        else:
            worker.finish_request(conn, None)
    assert (worker.nr_conns, len(worker.pending_conns)) == (1, 1)
    assert is_ended(two[0])


def test_a_number_that_the_poller_still_holds_costs_one_connection(worker: Any) -> None:
    ours, theirs = socket.socketpair()
    worker.poller.register(ours, selectors.EVENT_READ)
    double = socket.socket(fileno=os.dup(ours.fileno()))
    with closing(ours), closing(theirs), closing(double):
        conn = TConn(worker.cfg, double, None, None)
        worker.nr_conns = 1
        worker.poller.register(double, selectors.EVENT_READ)
        worker.enqueue_req(conn)
        assert (worker.nr_conns, len(worker.pending_conns), len(worker.log.complaints)) == (0, 0, 1)


def test_who_says_nothing_makes_way_only_where_there_is_no_room(
    worker: Any, two: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.web_worker.CROWDED_HEAD_SECONDS", 0.0)
    worker.murder_pending()
    assert len(worker.pending_conns) == 2
    worker.worker_connections = 2
    worker.murder_pending()
    assert (worker.nr_conns, len(worker.pending_conns)) == (0, 0)
    assert is_ended(two[0])
