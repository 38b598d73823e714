"""What stands around signed uploads: the document, the logs, the limits, the versions of pages."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.audio.declared_type import CONTAINERS
from services.container import Services, build_services
from services.storage.client import MongoDatabase
from services.storage.usage import UsageStore
from tests.api.conftest import Interview, assert_problem
from tests.api.signed_uploads import WAV, Address, address_for, put, use
from tests.api.test_logs import logged  # noqa: F401 (the fixture)
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber

LIMITS: dict[str, dict[str, Any]] = {
    "room": {"max_open_answers": 1},
    "own": {"max_open_answers_per_owner": 1},
    "bytes": {"daily_bytes_per_owner": 2 * len(WAV) - 1},
    "rate": {"rate_limit_uploads": "1/minute"},
}


@pytest.fixture
def limited(database: MongoDatabase, queue: RememberingQueue) -> Iterator[Callable[[str], Flask]]:
    """An app with one limit that is soon reached."""
    built: list[Services] = []

    def build(limit: str) -> Flask:
        settings = settings_with(**LIMITS[limit])
        built.append(build_services(settings, database, queue, ScriptedTranscriber))
        return create_app(settings, built[-1])

    yield build
    for each in built:
        each.live.close()


@pytest.fixture
def address(client: FlaskClient, interview: Interview) -> Address:
    return address_for(client, interview)


def test_the_document_says_how_an_address_is_used(client: FlaskClient) -> None:
    document = client.get("/api/openapi.json").get_json()
    described = document["paths"]["/api/uploads/audio/{object_key}"]["put"]
    assert described["security"] == [{"signed_address": []}]
    scheme = document["components"]["securitySchemes"]["signed_address"]
    assert (scheme["type"], scheme["in"], scheme["name"]) == ("apiKey", "query", "signature")
    parameters = {each["name"]: (each["in"], each["required"]) for each in described["parameters"]}
    assert parameters["expires"] == ("query", True)
    assert parameters["sha256"] == ("query", False)
    assert set(described["requestBody"]["content"]) == set(CONTAINERS)
    statuses = {"201", "400", "401", "403", "404", "408", "409", "411", "413", "415", "422", "429", "503", "default"}
    assert set(described["responses"]) == statuses
    used = document["paths"]["/api/upload-answer/{session_id}/{question_id}/from-upload"]["post"]
    assert "Idempotency-Key" in {each["name"] for each in used["parameters"]}


def test_addresses_and_keys_are_in_no_log_and_no_metric(
    logged: Callable[[], list[dict[str, object]]],  # noqa: F811
    app: Flask,
    client: FlaskClient,
    interview: Interview,
    database: MongoDatabase,
) -> None:
    anybody = app.test_client(use_cookies=False)
    address = address_for(client, interview)
    for sent in (address, address, address.but(bytes="1")):
        put(anybody, sent)
    use(client, interview, address.object_key)
    found = database["signing_keys"].find_one()
    assert found is not None
    key: bytes = found["key"]
    lines = logged()
    assert [line["event"] for line in lines].count("An upload was kept.") == 1
    shown = json.dumps(lines) + client.get("/metrics").text
    assert "/api/uploads/audio/<string(length=32):object_key>" in shown
    parameters = dict(address.query)
    for secret in (
        address.object_key,
        address.signature,
        parameters["grant"],
        parameters["expires"],
        key.hex(),
        repr(key),
    ):
        assert secret not in shown


@pytest.mark.parametrize(
    ("limit", "status", "code"),
    [
        ("room", 503, "queue_full"),
        ("own", 429, "too_many_open_answers"),
        ("bytes", 429, "daily_bytes_exceeded"),
        ("rate", 429, "rate_limited"),
    ],
)
def test_an_upload_by_an_address_counts_as_any_other(
    limited: Callable[[str], Flask], interview: Interview, database: MongoDatabase, limit: str, status: int, code: str
) -> None:
    app = limited(limit)
    client, anybody = app.test_client(), app.test_client(use_cookies=False)
    address = address_for(client, interview, question_id="q2")
    form = {"audio": (BytesIO(WAV), "a.wav")}
    assert client.post(interview.upload_path(), data=form, headers=interview.candidate).status_code == 202
    refused = put(anybody, address)
    assert_problem(refused, status, code)
    assert int(refused.headers["Retry-After"]) > 0
    assert database["kept_uploads"].count_documents({}) == 0


def test_the_bytes_of_an_upload_count_once_for_its_owner(
    app: Flask, client: FlaskClient, interview: Interview, database: MongoDatabase, address: Address
) -> None:
    put(app.test_client(use_cookies=False), address)
    for _ in range(2):
        use(client, interview, address.object_key)
    (counted,) = UsageStore(database)._usage.find()
    assert (counted["bytes"], counted["recordings"]) == (len(WAV), 1)


def test_no_step_of_an_upload_is_refused_for_an_old_page(app: Flask, client: FlaskClient, interview: Interview) -> None:
    app.config["MINIMUM_FRONTEND_VERSION"] = "9.0.0"
    old = {**interview.candidate, "X-Frontend-Version": "0.0.1"}
    assert_problem_of_version(client.get(f"/api/sessions/{interview.id}", headers=old).get_json())
    address = address_for(client, interview, headers=old)
    assert put(app.test_client(use_cookies=False), address, headers=old).status_code == 201
    assert use(client, interview, address.object_key, headers=old).status_code == 202


def assert_problem_of_version(problem: dict[str, Any]) -> None:
    assert (problem["status"], problem["code"]) == (409, "frontend_too_old")


def test_chunks_of_an_upload_that_waits_are_no_orphans(
    app: Flask, client: FlaskClient, interview: Interview, services: Services, address: Address
) -> None:
    """For the cleanup from cron, however young the recordings are that it looks at."""
    put(app.test_client(use_cookies=False), address)
    assert list(services.retention.collect(older_than=timedelta(seconds=-5), dry_run=False)) == []
    assert use(client, interview, address.object_key).status_code == 202
