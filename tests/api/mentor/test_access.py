"""The token in the path is the credential: what it opens, what it does not, and that it is written nowhere."""

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.interview_token import mentor_token
from app.places import Places
from config import Settings
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import assert_problem
from tests.api.credentials import NOBODY, SIGNED_TOKENS, Shown, World, bearer, signed
from tests.api.test_authorisation_matrix import FILLED, content_of
from tests.api.test_logs import logged  # noqa: F401 (the fixture)
from tests.factories import settings_with

Logged = Callable[[], list[dict[str, object]]]
# So that a stream is refused, and does not stay open.
NO_PLACES = Places(0, 0)
SECRET_TEXT = "a-text-that-somebody-has-typed"


@pytest.fixture
def settings() -> Settings:
    return settings_with(**SIGNED_TOKENS)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


@pytest.fixture
def world(services: Services, database: MongoDatabase) -> World:
    return World(services, database)


@pytest.fixture
def doors(app: Flask) -> list[tuple[str, str]]:
    """Every method and path with a token in it."""
    rules = app.extensions["parley_auth_rules"]
    found = [
        (method, route.rule)
        for route in app.url_map.iter_rules()
        if "token" in route.arguments
        for method in sorted((route.methods or set()) - {"OPTIONS", "HEAD"})
        if rules[route.endpoint.split(".")[0]] is mentor_token
    ]
    assert len(found) == 8
    return found


def path_with(rule: str, token: str) -> str:
    return rule.replace("<token>", token).replace("<stage_id>", FILLED["stage_id"])


def shown_in_path(name: str, world: World) -> str:
    return {
        "nobody's": "a" * 43,
        "an expired link's": world.expired.link_token,
        "a revoked link's": world.revoked.link_token,
        "its owner's own": world.token("ada"),
        "an admin's": world.token("eve", "admin"),
        "its owner's signed": signed("ada"),
        "a ticket": world.ticket(),
        "too long": "x" * 7_000,
        "in other letters": "ä%C3%28",
        "an operator": "$ne",
        "a zero": "%00",
    }[name]


@pytest.mark.covers("M-progress", "M-review", "M-submit", "M-stream")
@pytest.mark.parametrize(
    "name",
    [
        *("nobody's", "an expired link's", "a revoked link's", "its owner's own", "an admin's"),
        *("its owner's signed", "a ticket", "too long", "in other letters", "an operator", "a zero"),
    ],
)
def test_no_other_token_opens_anything_whatever_else_is_shown(
    client: FlaskClient, doors: list[tuple[str, str]], world: World, database: MongoDatabase, name: str
) -> None:
    token = shown_in_path(name, world)
    shown = [{}, bearer(signed("ada")).headers, bearer(world.mine.link_token).headers]
    before = content_of(database)
    for method, rule in doors:
        for headers in shown:
            reply = client.open(path_with(rule, token), method=method, headers=headers, json={"response_text": "x"})
            assert_problem(reply, 401)
            assert token not in reply.text or token == "$ne"
    assert content_of(database) == before


@pytest.mark.parametrize("credential", NOBODY.values(), ids=NOBODY)
def test_where_the_token_is_right_other_credentials_are_not_looked_at_but_for_a_workers(
    client: FlaskClient, world: World, credential: Callable[[World], Shown]
) -> None:
    shown = credential(world)
    path = f"/api/mentor-interview/{world.mine.link_token}"
    assert client.get(f"{path}/progress{shown.query}", headers=shown.headers).status_code == 200
    if "Authorization" in shown.headers:
        changed = client.patch(f"{path}/response/1{shown.query}", headers=shown.headers, json={"text": "x"})
        assert_problem(changed, 401)


def test_a_token_opens_its_own_interview_only(client: FlaskClient, world: World, database: MongoDatabase) -> None:
    """There is no session in these paths to ask for another one."""
    for started in (world.mine, world.others):
        path = f"/api/mentor-interview/{started.link_token}/response/1"
        assert client.post(path, json={"response_text": started.session.id}).status_code == 201
    for started in (world.mine, world.others):
        review = client.get(f"/api/mentor-interview/{started.link_token}/review").get_json()
        assert [each["response_text"] for each in review["responses"]] == [started.session.id]
    world.services.links.revoke(world.services.access.caller_of(signed("ada")), world.mine.session)
    assert_problem(client.get(f"/api/mentor-interview/{world.mine.link_token}/review"), 401)
    assert client.get(f"/api/mentor-interview/{world.others.link_token}/review").status_code == 200


def test_neither_the_token_nor_what_was_said_is_in_a_log_a_metric_a_problem_or_an_audit_row(
    logged: Logged,  # noqa: F811
    client: FlaskClient,
    doors: list[tuple[str, str]],
    world: World,
    database: MongoDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, problems = world.mine.link_token, ""
    bodies: tuple[dict[str, str] | None, ...] = (
        {"response_text": SECRET_TEXT},
        {},
        {"audio_url": f"http://elsewhere.example/{token}"},
        None,
    )
    keys: tuple[dict[str, str], ...] = (
        {},
        {"Idempotency-Key": "one"},
        {"Idempotency-Key": "one"},
        {"Idempotency-Key": " "},
    )
    for method, rule in [*doors, ("GET", "/api/mentor-interview/<token>"), ("GET", "/api/mentor-interview/<token>/x")]:
        for stage_id in ("1", "9", "x"):
            path = rule.replace("<token>", token).replace("<stage_id>", stage_id)
            for body, key in zip(bodies, keys, strict=True):
                if rule.endswith("/stream"):
                    monkeypatch.setitem(client.application.extensions, "parley_sockets", NO_PLACES)
                reply = client.open(path, method=method, json=body, headers={**key, "Referer": f"http://x/{token}"})
                assert reply.headers["Referrer-Policy"] == "no-referrer"
                problems += reply.text if reply.status_code >= 400 else ""
    for wanted in ({"token": token}, {"token": token, "stage_id": 9, "content_type": "audio/wav", "bytes": 1}):
        problems += client.post("/api/upload-url", json=wanted).text
    client.put(f"/api/mentor-interview/{token}/progress")
    written = json.dumps(logged())
    assert written.count("A request was answered.") > 50
    audit = str(list(database["audit"].find()))
    stored = str(list(database["idempotency_keys"].find()))
    for where, text in {"log": written, "problem": problems, "audit": audit, "idempotency key": stored}.items():
        assert token not in text, where
        assert SECRET_TEXT not in text, where
    assert token not in client.get("/metrics").text
