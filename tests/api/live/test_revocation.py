"""What is revoked or erased ends at once, in every process; whoever may still listen does not notice."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from flask import Flask
from flask.testing import FlaskClient
from simple_websocket import ConnectionClosed
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from tests.api.conftest import Interview, RunningServer, bearer
from tests.api.live.listeners import (
    MAX_SOCKETS,
    WAYS,
    event_stream,
    free_sockets,
    heard_by_socket,
    heard_by_stream,
    through_stream,
    websocket,
)
from tests.api.test_gunicorn import gunicorn  # noqa: F401 (the fixture)
from tests.processes import wait_until

SOON_SECONDS = 2.0


@pytest.fixture(params=["this process", "another process"])
def place(request: pytest.FixtureRequest) -> RunningServer:
    """Where people listen; what ends it is done in this process."""
    name = "server" if request.param == "this process" else "gunicorn"
    found: RunningServer = request.getfixturevalue(name)
    return found


@pytest.fixture
def colleague(services: Services) -> dict[str, str]:
    """An admin with a token of their own."""
    return bearer(services.access.issue(Caller("colleague", "admin"), valid_for=timedelta(hours=1)))


def revoke_link(client: FlaskClient, services: Services, interview: Interview) -> None:
    assert client.delete(f"/api/sessions/{interview.id}/link", headers=interview.owner).status_code == 204


def replace_link(client: FlaskClient, services: Services, interview: Interview) -> None:
    assert client.post(f"/api/sessions/{interview.id}/link", headers=interview.owner).status_code == 201


ENDINGS = pytest.mark.parametrize("end", [revoke_link, replace_link])
End = Callable[[FlaskClient, Services, Interview], None]


@ENDINGS
def test_a_link_that_ends_closes_its_sockets_and_no_others(
    place: RunningServer,
    client: FlaskClient,
    services: Services,
    upload: Callable[..., TestResponse],
    interview: Interview,
    end: End,
) -> None:
    with (
        websocket(place, interview.id, interview.candidate) as theirs,
        websocket(place, interview.id, interview.owner) as owners,
    ):
        next(heard_by_socket(theirs))
        events = heard_by_socket(owners)
        next(events)
        began = time.monotonic()
        end(client, services, interview)
        assert close_code(theirs) == 4401
        assert time.monotonic() - began < SOON_SECONDS
        upload(headers=interview.owner)
        assert (next(events)["seq"], owners.connected) == (2, True)


@ENDINGS
def test_a_link_that_ends_closes_its_streams(
    place: RunningServer, client: FlaskClient, services: Services, interview: Interview, end: End
) -> None:
    with through_stream(place, interview.id, interview.candidate) as events:
        next(events)
        began = time.monotonic()
        end(client, services, interview)
        assert list(events) == []
        assert time.monotonic() - began < SOON_SECONDS
    url = f"{place.url}/api/sessions/{interview.id}/events"
    assert httpx.get(url, headers=interview.candidate, trust_env=False).status_code == 401


def test_a_token_that_is_revoked_closes_its_sockets(
    place: RunningServer, services: Services, interview: Interview, colleague: dict[str, str]
) -> None:
    with (
        websocket(place, interview.id, colleague) as theirs,
        websocket(place, interview.id, interview.owner) as owners,
    ):
        for each in (theirs, owners):
            next(heard_by_socket(each))
        services.access.revoke("colleague")
        assert close_code(theirs) == 4401
        assert owners.connected


def test_an_erased_session_closes_every_socket(place: RunningServer, client: FlaskClient, interview: Interview) -> None:
    with (
        websocket(place, interview.id, interview.candidate) as socket,
        through_stream(place, interview.id, interview.owner) as stream,
    ):
        next(heard_by_socket(socket))
        next(stream)
        assert client.delete(f"/api/sessions/{interview.id}", headers=interview.owner).status_code in (200, 202)
        assert close_code(socket) in (4401, 4404)
        assert list(stream) == []


def test_a_session_can_be_ended_in_this_process(
    server: RunningServer, services: Services, interview: Interview, other_interview: Interview
) -> None:
    with (
        websocket(server, interview.id, interview.candidate) as ended,
        websocket(server, other_interview.id, other_interview.candidate) as other,
    ):
        for each in (ended, other):
            next(heard_by_socket(each))
        services.live.end(interview.id)
        assert close_code(ended) == 4404
        assert other.connected


def close_code(socket: Any) -> int:
    try:
        while socket.receive(timeout=10) is not None:
            continue
    except ConnectionClosed as closed:
        return int(closed.reason)
    pytest.fail("still open")


def ticket_for(client: FlaskClient, interview: Interview, headers: dict[str, str]) -> str:
    reply = client.post(f"/api/sessions/{interview.id}/ticket", headers=headers)
    assert (reply.status_code, set(reply.get_json())) == (201, {"ticket", "expires_at"})
    return str(reply.get_json()["ticket"])


@WAYS
def test_a_ticket_opens_one_connection_and_ends_with_what_it_was_made_by(
    place: RunningServer, client: FlaskClient, services: Services, interview: Interview, way: str
) -> None:
    target = f"{interview.id}?ticket={ticket_for(client, interview, interview.candidate)}"
    if way == "websocket":
        with websocket(place, target, {}) as socket:
            assert json.loads(socket.receive(timeout=10))["type"] == "snapshot"
            revoke_link(client, services, interview)
            assert close_code(socket) == 4401
        return
    url = f"{place.url}/api/sessions/{target.replace('?', '/events?')}"
    with httpx.Client(timeout=10, trust_env=False) as browser, browser.stream("GET", url) as response:
        events = heard_by_stream(response)
        assert next(events)["type"] == "snapshot"
        assert httpx.get(url, trust_env=False).status_code == 401
        revoke_link(client, services, interview)
        assert list(events) == []


def test_an_admins_connections_leave_a_row_each_and_the_owners_none(
    server: RunningServer, app: Flask, services: Services, interview: Interview, colleague: dict[str, str]
) -> None:
    for headers in (colleague, colleague, interview.owner, interview.candidate):
        with websocket(server, interview.id, headers) as socket:
            next(heard_by_socket(socket))
        with event_stream(server, interview.id, headers) as response:
            next(heard_by_stream(response))
        wait_until(lambda: free_sockets(app) == MAX_SOCKETS)
    rows = services.audit.list_of(session_id=interview.id).rows
    doors = sorted(row.details["door"] for row in rows if row.action == "transcript.read")
    assert doors == ["/api/sessions/<session_id>/events"] * 2 + ["/ws/sessions/<session_id>"] * 2
    assert {row.actor_id for row in rows} == {"colleague"}
