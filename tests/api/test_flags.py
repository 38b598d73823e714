"""Feature flags over HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import assert_problem, bearer

PATH = "/api/admin/flags"


@pytest.mark.covers("E7-S3.3")
def test_an_admin_switches_a_flag_off_and_back_without_a_deploy(client: FlaskClient, token: str, services: Any):
    headers = bearer(token)
    assert services.flags.is_on("audio_answers", "s")

    changed = client.put(f"{PATH}/audio_answers", json={"percent": 0}, headers=headers)
    assert (changed.status_code, changed.get_json()["percent"]) == (200, 0)
    assert not services.flags.is_on("audio_answers", "s")
    assert client.get(f"{PATH}/audio_answers", headers=headers).get_json() == changed.get_json()

    assert client.delete(f"{PATH}/audio_answers", headers=headers).get_json() == {
        "name": "audio_answers",
        "percent": 100.0,
        "default_percent": 100.0,
        "changed_at": None,
    }
    assert services.flags.is_on("audio_answers", "s")
    actions = [row["action"] for row in client.get("/api/admin/audit", headers=headers).get_json()["rows"]]
    assert actions == ["flag.reset", "flag.set"]


def test_every_flag_is_listed(client: FlaskClient, token: str):
    listed = client.get(PATH, headers=bearer(token)).get_json()["flags"]

    assert [flag["name"] for flag in listed] == ["llm_feedback", "challenger_model", "audio_answers"]


@pytest.mark.parametrize("percent", [-1, 101, 0.001, "all", None, True])
def test_what_is_no_percentage_is_refused(client: FlaskClient, token: str, percent: Any):
    reply = client.put(f"{PATH}/llm_feedback", json={"percent": percent}, headers=bearer(token))

    assert_problem(reply, 422)


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_an_unknown_flag_is_not_there(client: FlaskClient, token: str, method: str):
    body = {"json": {"percent": 1}} if method == "put" else {}
    reply = getattr(client, method)(f"{PATH}/nosuch", headers=bearer(token), **body)

    assert_problem(reply, 404, "no_such_flag")
