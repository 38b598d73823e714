"""What opens doors is written nowhere: every route is driven with tokens wherever a client can put them."""

import json
from collections.abc import Callable
from itertools import product

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Settings
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.credentials import SIGNED_TOKENS, Shown, World, bearer, cookie, signed
from tests.api.test_authorisation_matrix import FILLED, PUBLIC, path_of
from tests.api.test_logs import logged  # noqa: F401 (the fixture)
from tests.factories import settings_with

Logged = Callable[[], list[dict[str, object]]]


@pytest.fixture
def settings() -> Settings:
    return settings_with(**SIGNED_TOKENS)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


@pytest.fixture
def paths(app: Flask) -> list[tuple[str, str]]:
    """Every method and path; in place of the session's id, what a test puts there."""
    return [
        (method, path_of(route) if route.endpoint not in PUBLIC else route.rule.replace("<path:path>", "x"))
        for route in app.url_map.iter_rules()
        for method in sorted((route.methods or set()) - {"OPTIONS", "HEAD"})
    ]


def secrets_of(world: World) -> dict[str, str]:
    return {
        "an admin's token": world.token("eve", "admin"),
        "a person's token": world.token("ada"),
        "a link": world.mine.link_token,
        "a signed token": signed("ada"),
        "a forged token": signed("ada", secret="x" * 64),
        "a ticket": world.ticket(),
        "garbage": "garbage-that-somebody-thought-to-be-a-token",
    }


def everywhere(secret: str) -> list[Shown]:
    return [
        bearer(secret),
        cookie(secret),
        Shown({"Authorization": f"Basic {secret}"}),
        Shown(
            {"X-Request-ID": "r", "Referer": f"http://localhost/?token={secret}"}, f"?token={secret}&ticket={secret}"
        ),
    ]


def test_no_token_is_in_a_log_a_metric_or_a_problem(
    logged: Logged,  # noqa: F811
    client: FlaskClient,
    services: Services,
    database: MongoDatabase,
    paths: list[tuple[str, str]],
) -> None:
    world = World(services, database)
    secrets = secrets_of(world)
    problems, count = "", 0
    for secret in secrets.values():
        for (method, path), shown in product(paths, everywhere(secret)):
            for session_id in (secret, world.session_id) if method == "GET" else (secret,):
                reply = client.open(
                    path.format(session_id=session_id).replace(FILLED["token"], secret) + shown.query,
                    method=method,
                    headers=shown.headers,
                )
                count += 1
                assert reply.headers["Referrer-Policy"] == "no-referrer"
                problems += reply.text if reply.status_code >= 400 else ""
                reply.close()
    client.get(f"/{secrets['a link']}")
    written = json.dumps(logged())
    metrics = client.get("/metrics").text
    assert count > 500
    assert written.count("A request was answered.") > 300
    for name, secret in secrets.items():
        for where, text in {"the logs": written, "a metric": metrics, "a problem": problems}.items():
            assert secret not in text, f"{name} is in {where}"
