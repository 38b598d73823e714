"""Every route there is × everybody who may not use it: refused, and nothing is changed by it.

The routes and their rules are read from the application. A route with a new kind of id in its path, or one that is open
to strangers although no session is in its path, fails here until it is said below what is to be expected.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule as Route

from app.auth import admin_only, caller_only, listener_only, public, signed_url_only, staff_only, worker_only
from app.interview_token import interview_token_or_caller, mentor_token
from config import Settings
from services.container import Services
from services.storage.client import MongoDatabase
from services.storage.webhook_deliveries import DeliveryStore
from services.storage.webhooks import Webhook, WebhookStore
from tests.api.conftest import assert_problem
from tests.api.credentials import (
    NOBODY,
    OTHER_LINKS,
    SIGNED_TOKENS,
    STRANGERS,
    WORKERS,
    Shown,
    World,
    bearer,
    cookie,
    signed,
    ticket,
)
from tests.factories import settings_with

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
PUBLIC = {
    "api-docs.openapi_json",
    "cookie.forget_cookie",
    "docs.show",
    "health.healthz",
    "health.readyz",
    "home.home",
    "metrics.metrics",
    "version.version",
}
# What stands in a path besides the session. Whoever adds a kind of id here asks: whose is it?
FILLED = {
    "token": "nobodys",
    "stage_id": "1",
    "flag_name": "llm_feedback",
    "question_id": "q1",
    "answer_id": "0" * 24,
    "user_id": "ada",
    "object_key": "0" * 32,
    "key_id": "0" * 24,
    "webhook_id": "0" * 24,
    "delivery_id": f"msg_{'0' * 24}",
}
# What has to be said for a refusal to be for who asks, and not for what is missing.
SAID: dict[str, dict[str, Any]] = {
    "flags.set_flag": {"percent": 0},
    "sessions.start_session": {"questions": [{"id": "q1", "prompt": "And?"}]},
    "uploads.presign": {"session_id": "{session_id}", "question_id": "q1", "content_type": "audio/wav", "bytes": 9},
    "upload_url.make_upload_url": {
        "session_id": "{session_id}",
        "stage_id": 1,
        "content_type": "audio/wav",
        "bytes": 9,
    },
}
SAID |= {
    "worker.write_transcript": {"text": "i led a team", "whisper_model": "large-v3"},
    "webhooks.create_webhook": {"url": "https://192.0.2.1/"},
    "webhooks.change_webhook": {"is_enabled": False},
    "webhooks.replay_failed": {"since": "2026-01-01T00:00:00Z"},
}
# An address that we signed, or one with the token of an interview's link: nothing else opens these.
BY_ANOTHER_CREDENTIAL = (signed_url_only, mentor_token)
# Routes of oneself: any person may use them, and sees only what is theirs. A link may not.
OF_ONESELF = {"sessions.start_session", "sessions.list_sessions", "search.search"}
OF_ONESELF |= {"webhooks.create_webhook", "webhooks.list_webhooks"}
OF_ONESELF |= {"jobs.transcribe", "jobs.list_jobs", "jobs.session_statuses", "speech_to_text.hear"}
OF_ONESELF |= {"retention.read_retention", "retention.choose_retention"}
# Routes of somebody or something else that is named in the path: the reply to a stranger.
OF_OTHERS = {"erasure.erase_person": 403, "uploads.presign": 404, "upload_url.make_upload_url": 404}
OF_OTHERS |= dict.fromkeys(
    [
        "webhooks.read_webhook",
        "webhooks.change_webhook",
        "webhooks.delete_webhook",
        "webhooks.rotate_secret",
        "webhooks.send_test",
        "webhooks.list_deliveries",
        "webhooks.replay_delivery",
        "webhooks.replay_failed",
    ],
    404,
)


@dataclass(frozen=True)
class Door:
    """A method and path of the application, and the rule it stands under."""

    endpoint: str
    method: str
    path: str
    rule: Callable[[], None]

    @property
    def is_of_a_session(self) -> bool:
        return "{session_id}" in self.path


@pytest.fixture
def settings() -> Settings:
    return settings_with(**SIGNED_TOKENS)


@pytest.fixture
def world(services: Services, database: MongoDatabase) -> World:
    """With an endpoint of Ada's, and a delivery to it, under the ids that the paths are filled with."""
    webhook = Webhook(FILLED["webhook_id"], "ada", "https://192.0.2.1/", (), "", datetime.now(UTC), (b"sealed",))
    WebhookStore(database).create(webhook)
    told = {"id": FILLED["delivery_id"].removeprefix("msg_"), "type": "webhook.test", "data": {}}
    DeliveryStore(database, lease_seconds=30).add(told, webhook)
    return World(services, database)


@pytest.fixture
def doors(app: Flask) -> list[Door]:
    """Every door that is not public."""
    rules = app.extensions["parley_auth_rules"]
    return [
        Door(route.endpoint, method, path_of(route), rules[route.endpoint.split(".")[0]])
        for route in app.url_map.iter_rules()
        if route.endpoint not in PUBLIC
        for method in sorted((route.methods or set()) - {"OPTIONS", "HEAD"})
    ]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Without a cookie jar, which would put its own cookies in place of those that are shown."""
    return app.test_client(use_cookies=False)


def path_of(route: Route) -> str:
    values = {name: FILLED[name] for name in route.arguments - {"session_id"}}
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", route.rule).format(session_id="{session_id}", **values)


def ask(client: FlaskClient, door: Door, session_id: str, shown: Shown) -> Any:
    is_socket = door.path.startswith("/ws/")
    said = SAID.get(door.endpoint)
    return client.open(
        door.path.format(session_id=session_id) + shown.query,
        method=door.method,
        headers={**(UPGRADE if is_socket else {}), **shown.headers},
        base_url="ws://localhost" if is_socket else None,
        json=json.loads(json.dumps(said).replace("{session_id}", session_id)) if said else None,
    )


def content_of(database: MongoDatabase) -> dict[str, list[Any]]:
    """All that is stored, but tickets: one that is shown at the wrong door is burnt."""
    names = sorted(set(database.list_collection_names()) - {"tickets"})
    return {name: found for name in names if (found := list(database[name].find().sort("_id", 1)))}


def test_every_route_stands_under_a_rule_that_is_known(app: Flask, doors: list[Door]) -> None:
    known = {
        caller_only,
        staff_only,
        admin_only,
        worker_only,
        listener_only,
        *BY_ANOTHER_CREDENTIAL,
        interview_token_or_caller,
    }
    assert {door.rule for door in doors} <= known
    assert {route.endpoint for route in app.url_map.iter_rules()} >= PUBLIC
    rules = app.extensions["parley_auth_rules"]
    assert all(rules[name.split(".")[0]] is public for name in PUBLIC if not name.startswith("api-docs."))


def test_of_every_route_it_is_said_whose_it_is(doors: list[Door]) -> None:
    open_to_people = {
        door.endpoint
        for door in doors
        if not door.is_of_a_session and door.rule not in (admin_only, worker_only, *BY_ANOTHER_CREDENTIAL)
    }
    assert open_to_people == OF_ONESELF | set(OF_OTHERS)


def test_the_live_routes_alone_take_tickets(doors: list[Door]) -> None:
    taking = {door.path for door in doors if door.rule is listener_only}
    assert taking == {"/ws/sessions/{session_id}", "/api/sessions/{session_id}/events"}


def refused(client: FlaskClient, door: Door, session_id: str, shown: Shown, expected: int) -> str | None:
    """None, or what was answered instead."""
    reply = ask(client, door, session_id, shown)
    if reply.status_code != expected:
        return f"{door.method} {door.path}: {reply.status_code} instead of {expected}"
    assert_problem(reply, expected)
    return None


@pytest.mark.covers("E5-S2.3")
@pytest.mark.parametrize("credential", NOBODY.values(), ids=NOBODY)
def test_nobody_gets_in(
    client: FlaskClient,
    doors: list[Door],
    world: World,
    database: MongoDatabase,
    credential: Callable[[World], Shown],
) -> None:
    shown = credential(world)
    before = content_of(database)
    assert [each for door in doors if (each := refused(client, door, world.session_id, shown, 401))] == []
    assert content_of(database) == before


def stranger_gets(door: Door) -> int | None:
    if door.rule in (admin_only, worker_only):
        return 403
    if door.rule in BY_ANOTHER_CREDENTIAL:
        # Whoever it is: only what stands in the address counts.
        return 401
    return 404 if door.is_of_a_session else OF_OTHERS.get(door.endpoint)


@pytest.mark.covers("E5-S2.3")
@pytest.mark.parametrize("credential", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_finds_nothing(
    client: FlaskClient,
    doors: list[Door],
    world: World,
    database: MongoDatabase,
    credential: Callable[[World], Shown],
) -> None:
    shown = credential(world)
    before = content_of(database)
    expected = [(door, status) for door in doors if (status := stranger_gets(door)) is not None]
    assert len(expected) > 10
    assert [each for door, status in expected if (each := refused(client, door, world.session_id, shown, status))] == []
    assert content_of(database) == before


def link_gets(door: Door) -> int:
    if door.endpoint in OF_ONESELF or (door.rule is staff_only and not door.is_of_a_session):
        return 403
    return stranger_gets(door) or 404


@pytest.mark.parametrize("credential", OTHER_LINKS.values(), ids=OTHER_LINKS)
def test_another_sessions_link_opens_nothing(
    client: FlaskClient,
    doors: list[Door],
    world: World,
    database: MongoDatabase,
    credential: Callable[[World], Shown],
) -> None:
    shown = credential(world)
    before = content_of(database)
    assert [each for door in doors if (each := refused(client, door, world.session_id, shown, link_gets(door)))] == []
    assert content_of(database) == before


def test_the_wrong_role_is_told_so(
    client: FlaskClient, doors: list[Door], world: World, database: MongoDatabase
) -> None:
    before = content_of(database)
    for door in doors:
        if door.rule in (admin_only, staff_only, worker_only):
            assert refused(client, door, world.session_id, bearer(world.mine.link_token), 403) is None
        if door.rule in (admin_only, worker_only):
            assert refused(client, door, world.session_id, bearer(signed("ada")), 403) is None
        if door.rule is worker_only:
            assert refused(client, door, world.session_id, bearer(signed("ada", role="admin")), 403) is None
    assert content_of(database) == before


@pytest.mark.covers("E5-S2.3")
@pytest.mark.parametrize("credential", WORKERS.values(), ids=WORKERS)
def test_a_workers_key_opens_no_door_but_those_of_workers(
    client: FlaskClient,
    doors: list[Door],
    world: World,
    database: MongoDatabase,
    credential: Callable[[World], Shown],
) -> None:
    shown = credential(world)
    before = content_of(database)
    closed = [(door, 401 if door.rule in BY_ANOTHER_CREDENTIAL else 403) for door in doors if door.rule != worker_only]
    assert [each for door, status in closed if (each := refused(client, door, world.session_id, shown, status))] == []
    open_doors = {
        door.endpoint: ask(client, door, world.session_id, shown) for door in doors if door.rule == worker_only
    }
    found = {endpoint: reply.status_code for endpoint, reply in open_doors.items()}
    assert found == {"worker.list_waiting": 200, "worker.read_audio": 404, "worker.write_transcript": 404}
    assert open_doors["worker.list_waiting"].get_json() == {"answers": [], "next": None}
    assert content_of(database) == before


@pytest.mark.parametrize("session_id", ["0" * 24, "x", "$ne", "%00", "..", "a" * 500])
def test_what_is_not_there_is_refused_as_what_is_not_ones_own(
    client: FlaskClient, doors: list[Door], world: World, session_id: str
) -> None:
    shown = STRANGERS["another person"](world)
    for door in doors:
        if door.is_of_a_session and door.rule is not admin_only:
            there = ask(client, door, world.session_id, shown)
            missing = ask(client, door, session_id, shown)
            if missing.headers.get("Location") is None:
                assert {**missing.get_json(), "request_id": ""} == {**there.get_json(), "request_id": ""}


# What is sent does not fit everywhere, and there is no answer: but nobody is told to stay outside.
OWN: dict[str, Callable[[World], Shown]] = {
    "the link": lambda world: bearer(world.mine.link_token),
    "the cookie of the link": lambda world: cookie(world.mine.link_token),
    "the owner": lambda world: bearer(world.token("ada")),
    "the owner, signed": lambda _: bearer(signed("ada")),
    "an admin": lambda world: bearer(world.token("eve", "admin")),
}


def is_open_to(door: Door, who: str) -> bool:
    if door.rule is admin_only:
        return who == "an admin"
    if door.rule is staff_only:
        return "link" not in who
    return door.rule not in (worker_only, listener_only, *BY_ANOTHER_CREDENTIAL)


@pytest.mark.parametrize("who", OWN)
def test_every_door_of_a_session_opens_to_whom_it_is_for(
    client: FlaskClient, doors: list[Door], services: Services, database: MongoDatabase, who: str
) -> None:
    found = []
    for door in doors:
        if not door.is_of_a_session or not is_open_to(door, who):
            continue
        # Another one each time: some of the doors lead to its end.
        world = World(services, database)
        reply = ask(client, door, world.session_id, OWN[who](world))
        told = reply.get_json(silent=True) if reply.status_code == 404 else None
        is_hidden = told is not None and told["detail"] == "There is no such session."
        if reply.status_code in (401, 403) or reply.status_code >= 500 or is_hidden:
            found.append(f"{door.method} {door.path}: {reply.status_code}")
    assert found == []


def test_endpoints_are_their_owners_alone_also_of_admins(
    client: FlaskClient, doors: list[Door], world: World, database: MongoDatabase
) -> None:
    # Those that end something come last.
    of_endpoints = sorted(
        (door for door in doors if door.path.startswith(f"/api/webhooks/{FILLED['webhook_id']}")),
        key=lambda door: ["GET", "POST", "PATCH", "DELETE"].index(door.method),
    )
    assert len(of_endpoints) == 8
    before, admin = content_of(database), bearer(signed("bob", role="admin"))
    assert [each for door in of_endpoints if (each := refused(client, door, world.session_id, admin, 404))] == []
    assert content_of(database) == before
    replies = [ask(client, door, "", bearer(signed("ada"))).status_code for door in of_endpoints]
    assert max(replies) < 300


def test_who_may_come_in_does(client: FlaskClient, world: World) -> None:
    """Else all of the above would hold for a house without doors."""
    path = f"/api/sessions/{world.session_id}"
    for token in (world.mine.link_token, signed("ada"), signed("bob", role="admin"), world.token("eve", "admin")):
        assert client.get(path, headers=bearer(token).headers).status_code == 200
    for shown in (ticket(world.ticket()), ticket(world.ticket(token=signed("ada")))):
        assert client.head(f"{path}/events{shown.query}").status_code == 200
        assert client.head(f"{path}/events{shown.query}").status_code == 401
    assert client.post(f"{path}/ticket", headers=bearer(world.mine.link_token).headers).status_code == 201
    assert client.delete(f"{path}/link", headers=bearer(signed("ada")).headers).status_code == 204
