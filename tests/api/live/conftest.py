"""An app with few places for live connections, which notices within a test what otherwise takes seconds."""

from importlib import import_module

import pytest
from flask import Flask

from app import connections, create_app
from services.container import Services
from tests.api.live.listeners import MAX_SOCKETS, Listen, through_socket, through_stream
from tests.factories import settings_with


@pytest.fixture
def app(services: Services) -> Flask:
    return create_app(settings_with(max_sockets=MAX_SOCKETS), services)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notice within a test what otherwise takes seconds."""
    live_module = import_module("app.live")  # the name in `app` is the blueprint
    monkeypatch.setattr(live_module, "IDLE_SECONDS", 0.1)
    monkeypatch.setattr(connections, "HEARTBEAT_SECONDS", 0.1)


@pytest.fixture(params=[through_socket, through_stream], ids=["websocket", "sse"])
def listen(request: pytest.FixtureRequest) -> Listen:
    found: Listen = request.param
    return found
