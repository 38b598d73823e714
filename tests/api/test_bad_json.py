"""JSON that is wrong, hostile or merely surprising."""

import json

import pytest
from flask.testing import FlaskClient

from services.storage.client import MongoDatabase
from tests.api.conftest import assert_problem, bearer

VALID = '"questions": [{"id": "q1", "prompt": "Why?"}]'


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b"\x00",
        b'{"questions": [}',
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        ("[" * 100_000 + "]" * 100_000).encode(),
        ('{"a":' * 60_000 + "1" + "}" * 60_000).encode(),
        ("{" + VALID + ', "seq": NaN}').encode(),
        ("{" + VALID + ', "seq": -Infinity}').encode(),
        ("{" + VALID + ', "seq": ' + "9" * 5_000 + "}").encode(),
        ("{" + VALID + "," + VALID + "}").encode(),
        (b'{"questions": [{"id": "q1", "id": "q2", "prompt": "Why?"}]}'),
    ],
)
def test_what_is_not_plainly_json_is_a_bad_request(
    client: FlaskClient, token: str, database: MongoDatabase, body: bytes
) -> None:
    reply = client.post("/api/sessions", data=body, content_type="application/json", headers=bearer(token))
    assert_problem(reply, 400, "invalid_json")
    assert database["interview_sessions"].count_documents({}) == 0


@pytest.mark.parametrize(
    "body",
    [
        "null",
        "[]",
        "7",
        '"text"',
        "",
        "{}",
        '{"questions": {"$ne": null}}',
        '{"questions": [{"$ne": 1}]}',
        '{"questions": [[[[]]]]}',
        '{"questions": [null]}',
        '{"questions": [{"id": 1' + "0" * 30 + ', "prompt": "Why?"}]}',
        '{"questions": [{"id": {"$gt": ""}, "prompt": "Why?"}]}',
        '{"questions": [{"id": "q1", "prompt": ' + "[" * 500 + "]" * 500 + "}]}",
        "{" + VALID + ', "\\u0000": 1}',
        "{" + VALID + ', "__proto__": {}}',
        "{" + VALID + ', "consent": {"text": "yes", "given_at": 1' + "0" * 30 + "}}",
        "{" + VALID + ', "consent": true}',
        "{" + VALID + ', "owner_id": "somebody"}',
    ],
)
def test_json_of_another_shape_is_invalid(client: FlaskClient, token: str, database: MongoDatabase, body: str) -> None:
    reply = client.post("/api/sessions", data=body, content_type="application/json", headers=bearer(token))
    problem = assert_problem(reply, 422, "invalid")
    assert problem["errors"]
    assert database["interview_sessions"].count_documents({}) == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "", "application/jso"])
def test_json_must_be_called_json(client: FlaskClient, token: str, content_type: str) -> None:
    body = "{" + VALID + "}"
    reply = client.post("/api/sessions", data=body, content_type=content_type, headers=bearer(token))
    assert_problem(reply, 415, "unsupported_media_type")


def test_a_huge_json_body_is_too_large(client: FlaskClient, token: str) -> None:
    body = json.dumps({"questions": [{"id": "q1", "prompt": "x" * 600_000}]})
    reply = client.post("/api/sessions", data=body, content_type="application/json", headers=bearer(token))
    assert_problem(reply, 413, "body_too_large")


def test_analyze_does_not_mind_a_body(client: FlaskClient, token: str) -> None:
    reply = client.post(
        "/api/analyze/000000000000000000000000", data=b"\xff{", content_type="application/json", headers=bearer(token)
    )
    assert_problem(reply, 404, "not_found")
