"""A frontend that is too old is told so, except while it holds a recording."""

import tomllib

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.frontend_version import numbers_of
from config import ROOT
from tests.api.conftest import Interview, audio

MINIMUM = "1.10.0"


@pytest.fixture(autouse=True)
def minimum(app: Flask) -> None:
    app.config["MINIMUM_FRONTEND_VERSION"] = MINIMUM


def told(version: str, headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "X-Frontend-Version": version}


@pytest.mark.covers("N-version")
def test_everybody_may_ask_for_the_versions(client: FlaskClient) -> None:
    reply = client.get("/version", headers={"X-Frontend-Version": "0.0.1"})
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert reply.status_code == 200
    assert reply.get_json() == {"version": project["version"], "minimum_frontend_version": MINIMUM}


@pytest.mark.covers("N-version")
@pytest.mark.parametrize("version", ["1.9.9", "1.9.10", "0.99.99", "v1.9", "1", "1.9.0-rc.1"])
def test_a_frontend_below_the_minimum_is_told_both_versions(
    client: FlaskClient, interview: Interview, version: str
) -> None:
    reply = client.get(f"/api/sessions/{interview.id}", headers=told(version, interview.candidate))
    problem = reply.get_json()
    assert (reply.status_code, reply.content_type) == (409, "application/problem+json")
    assert problem["code"] == "frontend_too_old"
    assert problem["minimum_frontend_version"] == MINIMUM
    assert problem["version"] == client.get("/version").get_json()["version"]


@pytest.mark.parametrize("version", ["1.10.0", "1.10", "1.11.0", "2.0.0", "10.0.0", "v1.10.0", "1.10.0+build.7"])
def test_one_that_is_new_enough_is_served(client: FlaskClient, interview: Interview, version: str) -> None:
    reply = client.get(f"/api/sessions/{interview.id}", headers=told(version, interview.candidate))
    assert reply.status_code == 200


@pytest.mark.parametrize(
    "version", ["", "dev", "1.x", "-1", "1.2.3.4", "9" * 5000, "1.0.0; drop", "\u0663.\u0660.\u0660"]
)
def test_what_is_no_version_proves_nothing(client: FlaskClient, interview: Interview, version: str) -> None:
    environ = {"HTTP_X_FRONTEND_VERSION": version.encode().decode("latin-1")}
    reply = client.get(f"/api/sessions/{interview.id}", headers=interview.candidate, environ_overrides=environ)
    assert reply.status_code == 200


@pytest.mark.covers("N-version")
def test_uploads_are_never_refused_for_it(client: FlaskClient, interview: Interview) -> None:
    reply = client.post(interview.upload_path(), data=audio(), headers=told("0.0.1", interview.candidate))
    assert reply.status_code == 202


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/api/docs/", "/api/openapi.json", "/version"])
def test_probes_and_documents_are_never_refused_for_it(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers={"X-Frontend-Version": "0.0.1"}).status_code == 200


def test_numbers_are_compared_as_numbers() -> None:
    assert (numbers_of("1.10.0") or ()) > (numbers_of("1.9.9") or ())
    assert numbers_of("1.10") == numbers_of("v1.10.0-rc.1") == (1, 10, 0)
