"""Every route, whoever asks: nobody, a stranger, the holder of another link, or of one that has expired."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.auth import public
from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer

PUBLIC = {
    "api-docs.openapi_json",
    "docs.show",
    "cookie.forget_cookie",
    "health.healthz",
    "health.readyz",
    "home.home",
    "metrics.metrics",
    "version.version",
}
# Every other route, with whatever an id may be filled in.
PRIVATE = {
    ("POST", "/api/sessions"),
    ("GET", "/api/sessions"),
    ("GET", "/api/sessions/{session_id}"),
    ("POST", "/api/upload-answer/{session_id}/q1"),
    ("GET", "/api/transcription-status/{session_id}/q1"),
    ("GET", "/api/transcription-status/{session_id}"),
    ("POST", "/api/analyze/{session_id}"),
    ("GET", "/api/sessions/{session_id}/events"),
    ("GET", "/ws/sessions/{session_id}"),
    ("POST", "/api/sessions/{session_id}/ticket"),
    ("POST", "/api/sessions/{session_id}/link"),
    ("DELETE", "/api/sessions/{session_id}/link"),
}
OF_A_SESSION = sorted(route for route in PRIVATE if "{session_id}" in route[1])
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}

NO_CREDENTIALS: list[dict[str, str]] = [
    {},
    {"Authorization": ""},
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer garbage"},
    {"Authorization": "Bearer " + "x" * 7_000},
    {"Authorization": "Bearer \u00e4\u00f6"},
    {"Authorization": "Basic Z2FyYmFnZTo="},
    {"Cookie": "parley_token=garbage"},
    {"Cookie": "parley_token="},
    {"Cookie": "parley_token=\u00e4"},
]


def ask(client: FlaskClient, route: tuple[str, str], session_id: str, headers: dict[str, str]):
    method, path = route
    is_socket = path.startswith("/ws/")
    base_url = "ws://localhost" if is_socket else None
    upgrade = UPGRADE if is_socket else {}
    path = path.format(session_id=session_id)
    return client.open(path, method=method, headers={**upgrade, **headers}, base_url=base_url)


def test_every_route_stands_under_a_rule(app: Flask) -> None:
    rules = app.extensions["parley_auth_rules"]
    ruled = {name for name, rule in rules.items() if rule is not public}
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    assert {endpoint for endpoint in endpoints if endpoint.split(".")[0] not in ruled} == PUBLIC
    assert all(rules[endpoint.split(".")[0]] is public for endpoint in PUBLIC if not endpoint.startswith("api-docs."))


def test_a_rule_is_the_first_thing_that_a_request_meets(app: Flask) -> None:
    for name, rule in app.extensions["parley_auth_rules"].items():
        assert app.before_request_funcs[name][0] is rule


def test_the_routes_below_are_all_there_are(app: Flask) -> None:
    private = {
        (method, rule.rule.replace("<", "{").replace(">", "}").replace("{question_id}", "q1"))
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in PUBLIC
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert private == PRIVATE


@pytest.mark.parametrize("route", sorted(PRIVATE), ids=" ".join)
def test_nobody_gets_in_without_a_token_that_we_know(client: FlaskClient, route: tuple[str, str]) -> None:
    for credential in NO_CREDENTIALS:
        reply = ask(client, route, "000000000000000000000000", credential)
        assert_problem(reply, 401, "unauthorized")
        assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("route", OF_A_SESSION, ids=" ".join)
def test_another_sessions_link_finds_nothing(
    client: FlaskClient, interview: Interview, other_interview: Interview, route: tuple[str, str]
) -> None:
    reply = ask(client, route, interview.id, other_interview.candidate)
    assert_problem(reply, 404, "not_found")


@pytest.mark.parametrize("route", OF_A_SESSION, ids=" ".join)
def test_another_persons_token_finds_nothing(
    client: FlaskClient, services: Services, interview: Interview, route: tuple[str, str]
) -> None:
    stranger = services.access.issue(Caller("somebody-else"), valid_for=timedelta(hours=1))
    reply = ask(client, route, interview.id, bearer(stranger))
    assert_problem(reply, 404, "not_found")


@pytest.mark.parametrize("route", sorted(PRIVATE), ids=" ".join)
def test_an_expired_token_is_no_token(
    client: FlaskClient, services: Services, interview: Interview, route: tuple[str, str]
) -> None:
    expired = services.access.issue(Caller("owner", role="admin"), valid_for=timedelta(seconds=-1))
    assert_problem(ask(client, route, interview.id, bearer(expired)), 401, "unauthorized")


@pytest.mark.parametrize("route", sorted(PRIVATE), ids=" ".join)
def test_an_expired_link_is_no_token(
    client: FlaskClient, database: MongoDatabase, interview: Interview, route: tuple[str, str]
) -> None:
    past = {"$set": {"link.expires_at": datetime.fromisoformat("2020-01-01T00:00:00+00:00")}}
    database["interview_sessions"].update_one({"_id": interview.id}, past)
    assert_problem(ask(client, route, interview.id, interview.candidate), 401, "unauthorized")


def test_tokens_are_not_kept_in_the_database(database: MongoDatabase, interview: Interview, token: str) -> None:
    everything = str([list(database[name].find()) for name in database.list_collection_names()])
    assert interview.id in everything
    assert token not in everything
    assert interview.link_token not in everything
