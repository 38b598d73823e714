"""Errors are problems (RFC 9457), whoever raises them, and say nothing of how we are built."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from services.container import Services
from services.errors import Unavailable
from tests.api.conftest import Interview, assert_problem

SECRET = "the words somebody said"


def test_a_problem_says_what_it_is(client: FlaskClient) -> None:
    problem = assert_problem(client.get("/nowhere", headers={"X-Request-ID": "r-1"}), 404, "not_found")
    assert problem["type"] == "urn:parley:problem:not_found"
    assert problem["title"] == "Not Found"
    assert problem["request_id"] == "r-1"
    assert problem["retryable"] is False


@pytest.mark.parametrize(
    "path", ["/nowhere", "/api/nowhere", "/api/sessions/a/b/c/d", "/api/docs/nowhere", "/%00", "/\xff"]
)
def test_an_unknown_path_is_a_problem(client: FlaskClient, path: str) -> None:
    assert_problem(client.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/sessions", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/api/upload-answer/a/q1", "OPTIONS, POST"),
        ("PUT", "/api/analyze/a", "OPTIONS, POST"),
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("FOO", "/metrics", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_told_which_ones_there_are(client: FlaskClient, method: str, path: str, allowed: str) -> None:
    reply = client.open(path, method=method)
    assert_problem(reply, 405, "method_not_allowed")
    assert ", ".join(sorted(reply.headers["Allow"].split(", "))) == allowed


def test_a_socket_path_wants_a_socket(client: FlaskClient, interview: Interview) -> None:
    assert_problem(client.get(f"/ws/sessions/{interview.id}", headers=interview.owner), 400, "bad_request")


def break_the_database(monkeypatch: pytest.MonkeyPatch, services: Services, error: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(services.sessions, "get", fail)


def test_a_defect_is_a_problem_that_says_nothing_of_it_and_is_logged(
    client: FlaskClient,
    services: Services,
    interview: Interview,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    break_the_database(monkeypatch, services, KeyError(SECRET))
    with capture_logs() as logged:
        reply = client.get(f"/api/sessions/{interview.id}", headers=interview.owner)
    problem = assert_problem(reply, 500, "internal_server_error")
    assert problem["retryable"] is False
    assert SECRET not in reply.text
    assert "KeyError" not in reply.text
    [failure] = [line for line in logged if line["log_level"] == "error"]
    assert failure["exc_info"][0] is KeyError
    assert failure["route"] == "/api/sessions/<session_id>"


def test_a_database_that_is_away_is_said_to_be_so(
    client: FlaskClient, services: Services, interview: Interview, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_the_database(monkeypatch, services, Unavailable("The database does not answer at the moment."))
    reply = client.get(f"/api/sessions/{interview.id}", headers=interview.owner)
    problem = assert_problem(reply, 503, "unavailable")
    assert problem["retryable"] is True
    assert reply.headers["Retry-After"] == "5"


@pytest.mark.parametrize("given", ["abc-123", "A" * 64, "a.b_c"])
def test_a_sane_request_id_is_taken_over(client: FlaskClient, given: str) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "a\tb", "\u00e4", "a;b", "{}"])
def test_a_hostile_request_id_is_replaced(client: FlaskClient, given: str) -> None:
    made = client.get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert made != given
    assert len(made) == 16


def test_every_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    ids = {client.get("/healthz").headers["X-Request-ID"] for _ in range(20)}
    assert len(ids) == 20


def test_a_problem_is_json_whatever_was_asked_for(client: FlaskClient) -> None:
    reply = client.get("/nowhere", headers={"Accept": "text/html"})
    assert json.loads(reply.data)["code"] == "not_found"


def test_a_second_app_answers_as_the_first_does(app: Flask, services: Services) -> None:
    from app import create_app  # noqa: PLC0415
    from tests.factories import settings_with  # noqa: PLC0415

    assert_problem(create_app(settings_with(), services).test_client().get("/api/sessions"), 401, "unauthorized")
    assert_problem(app.test_client().get("/api/sessions"), 401, "unauthorized")
