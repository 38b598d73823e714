"""Every live connection holds a thread: there are only so many, and each comes free again."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime

import httpx
import pytest
from flask import Flask
from simple_websocket import Client, ConnectionClosed
from werkzeug.test import TestResponse

from app import connections
from app.places import Places
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, RunningServer
from tests.api.live.listeners import (
    MAX_SOCKETS,
    WAYS,
    Listen,
    free_sockets,
    heard_by_socket,
    refused,
    through_socket,
    through_stream,
    vanish,
    websocket,
)
from tests.processes import wait_until

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]


@WAYS
def test_too_many_listeners_are_told_to_poll_and_places_become_free_again(
    server: RunningServer, app: Flask, way: str, interview: Interview
) -> None:
    cuts = [vanish(server, interview, way) for _ in range(MAX_SOCKETS)]
    reply = refused(server, interview, interview.candidate, way)
    assert (reply.status_code, reply.json()["code"]) == (503, "too_many_sockets")
    assert int(reply.headers["Retry-After"]) > 0
    for cut in cuts:
        cut()
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


@WAYS
def test_one_session_cannot_take_every_place(
    server: RunningServer, app: Flask, way: str, interview: Interview, other_interview: Interview
) -> None:
    app.extensions["parley_sockets"] = Places(MAX_SOCKETS, per_session=1)
    cut = vanish(server, interview, way)
    reply = refused(server, interview, interview.candidate, way)
    assert (reply.status_code, reply.json()["code"]) == (503, "too_many_sockets")
    vanish(server, other_interview, way)()
    cut()
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)
    vanish(server, interview, way)()
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def test_a_listener_that_closes_politely_frees_its_place(
    server: RunningServer, app: Flask, listen: Listen, interview: Interview
) -> None:
    for _ in range(MAX_SOCKETS + 2):
        with listen(server, interview.id, interview.candidate) as events:
            next(events)
            assert free_sockets(app) == MAX_SOCKETS - 1
        wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


@WAYS
@pytest.mark.parametrize("credential", ["nobody", "another's", "foreign page"])
def test_who_is_refused_takes_no_place(
    server: RunningServer, app: Flask, way: str, interview: Interview, other_interview: Interview, credential: str
) -> None:
    headers = {
        "nobody": {},
        "another's": other_interview.candidate,
        "foreign page": {**interview.candidate, "Origin": "https://evil.example"},
    }[credential]
    for _ in range(MAX_SOCKETS + 1):
        refused(server, interview, headers, way)
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def test_asking_for_the_head_of_a_stream_frees_its_place(
    server: RunningServer, app: Flask, interview: Interview
) -> None:
    for _ in range(MAX_SOCKETS + 1):
        url = f"{server.url}/api/sessions/{interview.id}/events"
        assert httpx.head(url, headers=interview.candidate, trust_env=False).status_code == 200
        wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def keep_talking(client: Client) -> None:
    for _ in range(100_000):
        client.send("and another thing")


def test_a_listener_that_keeps_talking_is_closed(server: RunningServer, app: Flask, interview: Interview) -> None:
    with websocket(server, interview.id, interview.candidate) as client:
        with pytest.raises((ConnectionClosed, OSError)):
            keep_talking(client)
        client.thread.join()
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def test_a_listener_that_says_little_is_left_alone(server: RunningServer, upload: Upload, interview: Interview) -> None:
    with websocket(server, interview.id, interview.candidate) as client:
        events = heard_by_socket(client)
        next(events)
        for _ in range(3):
            client.send("hello?")
        upload()
        assert next(events)["type"] == "answer"


def test_a_message_over_4096_bytes_ends_the_connection(server: RunningServer, app: Flask, interview: Interview) -> None:
    with websocket(server, interview.id, interview.candidate) as client:
        next(heard_by_socket(client))
        client.send("x" * 4097)
        client.thread.join(10)
        assert not client.thread.is_alive()
        assert client.close_reason == 1009
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def test_closing_the_feed_ends_every_connection(
    server: RunningServer, app: Flask, services: Services, interview: Interview
) -> None:
    with ExitStack() as stack:
        client = stack.enter_context(websocket(server, interview.id, interview.candidate))
        stream = stack.enter_context(through_stream(server, interview.id, interview.candidate))
        next(heard_by_socket(client))
        next(stream)
        services.live.close()
        assert list(stream) == []
        client.thread.join(10)
        assert not client.connected
    wait_until(lambda: free_sockets(app) == MAX_SOCKETS)


def test_no_thread_is_left_behind(server: RunningServer, app: Flask, interview: Interview) -> None:
    before = threading.active_count()
    for way in ("websocket", "sse") * 3:
        vanish(server, interview, way)()
        wait_until(lambda: free_sockets(app) == MAX_SOCKETS)
    wait_until(lambda: threading.active_count() <= before)


@WAYS
def test_whose_link_has_run_out_meanwhile_is_sent_off(
    server: RunningServer, way: str, interview: Interview, database: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "ACCESS_CHECK_SECONDS", 0)
    listen = through_socket if way == "websocket" else through_stream
    with listen(server, interview.id, interview.candidate) as events:
        assert next(events)["type"] == "snapshot"
        past = datetime(2020, 1, 1, tzinfo=UTC)
        database["interview_sessions"].update_one({"_id": interview.id}, {"$set": {"link.expires_at": past}})
        with pytest.raises((ConnectionClosed, StopIteration)):
            next(events)
