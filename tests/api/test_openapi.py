"""The generated document describes every route as it is."""

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.storage.outbox import EVENT_TYPES

METHODS = {"get", "post", "put", "patch", "delete"}
# Sockets, streams and pages are not what OpenAPI is for.
UNDOCUMENTED = {"docs.show", "home.home", "metrics.metrics", "live.follow_session", "live.stream_session"}
OPERATIONS_WITHOUT_TOKEN = {("get", "/healthz"), ("get", "/readyz"), ("get", "/version"), ("delete", "/api/cookie")}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    reply = client.get("/api/openapi.json")
    assert reply.status_code == 200
    found: dict[str, Any] = reply.get_json()
    return found


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method, path): operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_the_document_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()


def test_every_route_is_described(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method.lower(), re.sub(r"<(?:[^<>:]*:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in UNDOCUMENTED and not rule.endpoint.startswith("api-docs.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(document)) == routes
    assert len(routes) >= 12


def test_every_operation_says_what_it_is_for(document: dict[str, Any]) -> None:
    assert [key for key, operation in operations(document).items() if not operation.get("summary")] == []


def test_every_operation_has_errors_as_problems(document: dict[str, Any]) -> None:
    for key, operation in operations(document).items():
        failure = operation["responses"]["default"]
        resolved = document["components"]["responses"][failure["$ref"].rpartition("/")[2]]
        assert list(resolved["content"]) == ["application/problem+json"], key
        schema = resolved["content"]["application/problem+json"]["schema"]["$ref"].rpartition("/")[2]
        assert set(document["components"]["schemas"][schema]["required"]) == {
            *("type", "title", "status", "detail", "code", "request_id", "retryable")
        }


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        (("post", "/api/sessions"), {"201", "400", "401", "403", "409", "413", "415", "422", "429", "503"}),
        (("get", "/api/sessions"), {"200", "401", "403", "422", "429", "503"}),
        (("get", "/api/sessions/{session_id}"), {"200", "401", "404", "429", "503"}),
        (
            ("post", "/api/upload-answer/{session_id}/{question_id}"),
            {"202", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503"},
        ),
        (("get", "/api/transcription-status/{session_id}/{question_id}"), {"200", "401", "404", "422", "429", "503"}),
        (("get", "/api/transcription-status/{session_id}"), {"200", "401", "404", "429", "503"}),
        (("post", "/api/analyze/{session_id}"), {"200", "202", "401", "403", "404", "429", "503"}),
        (("get", "/readyz"), {"200", "503"}),
    ],
)
def test_the_expected_replies_are_described(
    document: dict[str, Any], operation: tuple[str, str], statuses: set[str]
) -> None:
    described = operations(document)[operation]["responses"]
    assert set(described) - {"default"} == statuses
    for status in statuses:
        reply = described[status]
        if "$ref" in reply:
            reply = document["components"]["responses"][reply["$ref"].rpartition("/")[2]]
        expects_problem = int(status) >= 400 and operation[1] != "/readyz"
        assert list(reply["content"]) == ["application/problem+json" if expects_problem else "application/json"]


def test_a_transcript_is_described_in_every_form(document: dict[str, Any]) -> None:
    replies = operations(document)["get", "/api/sessions/{session_id}/answers/{question_id}/transcript"]["responses"]
    assert set(replies) - {"default"} == {"200", "304", "401", "404", "409", "422", "429", "503"}
    assert set(replies["200"]["content"]) == {"application/json", "application/x-subrip", "text/plain", "text/vtt"}
    assert "content" not in replies["304"]


def test_of_webhooks_it_says_which_events_there_are(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Webhook"]["properties"]["events"]["items"]["enum"] == list(EVENT_TYPES)
    assert schemas["Delivery"]["properties"]["type"]["enum"] == [*EVENT_TYPES, "webhook.test"]


def test_the_upload_is_described_as_it_is_read(document: dict[str, Any]) -> None:
    upload = operations(document)["post", "/api/upload-answer/{session_id}/{question_id}"]
    (content_type,) = upload["requestBody"]["content"]
    assert content_type == "multipart/form-data"
    name = upload["requestBody"]["content"][content_type]["schema"]["$ref"].rpartition("/")[2]
    schema = document["components"]["schemas"][name]
    assert set(schema["properties"]) == {"audio", "duration_ms", "language", "bytes", "sha256"}
    assert schema["required"] == ["audio"]
    assert schema["properties"]["audio"]["format"] == "binary"


def test_a_token_is_wanted_except_where_anybody_may_ask(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    assert document["security"] == [{"bearer": []}]
    found = operations(document)
    without = {key for key, operation in found.items() if operation.get("security") == []}
    # A mentor's token stands in the path; a worker's key may come besides.
    of_mentors = {key for key in found if "{token}" in key[1]}
    assert without == OPERATIONS_WITHOUT_TOKEN | {key for key in of_mentors if key[0] != "patch"}
    beside = [
        operation["security"] for (method, _), operation in found.items() if operation.get("security", [])[:1] == [{}]
    ]
    assert beside == [[{}, {"bearer": []}]] * 2


def test_the_page_loads_nothing_from_another_host(client: FlaskClient) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) >= 4
    for asset in assets:
        assert asset.startswith("/api/docs/")
        reply = client.get(asset)
        assert reply.status_code == 200, asset
        reply.close()
    assert '"url": "/api/openapi.json"' in page.text
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]
