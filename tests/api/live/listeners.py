"""Listening to live updates over real sockets: by WebSocket and by server-sent events."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from flask import Flask
from simple_websocket import Client
from werkzeug.test import TestResponse

from scripts.live_client import PromptClient
from tests.api.conftest import Interview, RunningServer

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]
MAX_SOCKETS = 3


WAYS = pytest.mark.parametrize("way", ["websocket", "sse"])


@contextmanager
def websocket(server: RunningServer, session_id: str, headers: dict[str, str]) -> Iterator[Client]:
    client = PromptClient(f"{server.ws_url}/ws/sessions/{session_id}", headers=headers)
    try:
        yield client
    finally:
        if client.connected:
            client.close()
        client.thread.join()


@contextmanager
def event_stream(server: RunningServer, session_id: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
    url = f"{server.url}/api/sessions/{session_id}/events"
    with httpx.Client(timeout=10, trust_env=False) as client, client.stream("GET", url, headers=headers) as response:
        yield response


def heard_by_socket(client: Client) -> Iterator[dict[str, Any]]:
    while True:
        message = client.receive(timeout=10)
        assert message is not None, "nothing was said"
        yield json.loads(message)


def heard_by_stream(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


Listen = Callable[[RunningServer, str, dict[str, str]], Any]


@contextmanager
def through_socket(
    server: RunningServer, session_id: str, headers: dict[str, str]
) -> Iterator[Iterator[dict[str, Any]]]:
    with websocket(server, session_id, headers) as client:
        yield heard_by_socket(client)


@contextmanager
def through_stream(
    server: RunningServer, session_id: str, headers: dict[str, str]
) -> Iterator[Iterator[dict[str, Any]]]:
    with event_stream(server, session_id, headers) as response:
        assert response.status_code == 200
        yield heard_by_stream(response)


def refused(server: RunningServer, interview: Interview, headers: dict[str, str], way: str) -> httpx.Response:
    """The reply to a connection that is not let in."""
    if way == "sse":
        return httpx.get(f"{server.url}/api/sessions/{interview.id}/events", headers=headers, trust_env=False)
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    return httpx.get(f"{server.url}/ws/sessions/{interview.id}", headers={**upgrade, **headers}, trust_env=False)


def free_sockets(app: Flask) -> int:
    return int(app.extensions["parley_sockets"].free)


def vanish(server: RunningServer, interview: Interview, way: str) -> Callable[[], None]:
    """Connect, hear the snapshot; the returned call cuts the line without a word of goodbye."""
    path = f"/ws/sessions/{interview.id}" if way == "websocket" else f"/api/sessions/{interview.id}/events"
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    request = f"GET {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n" + (
        upgrade + key if way == "websocket" else ""
    )
    line = socket.create_connection((server.host, server.port), timeout=10)
    line.sendall(f"{request}Authorization: Bearer {interview.link_token}\r\n\r\n".encode())
    heard = b""
    while b"snapshot" not in heard:
        received = line.recv(4096)
        assert received, heard
        heard += received

    def cut() -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        line.close()

    return cut
