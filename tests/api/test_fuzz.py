"""Whatever is asked, the answer is a reply or a problem: never a 500."""

import json
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import QUESTIONS, Interview, assert_problem, bearer

BOUNDED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
NAMES = st.sampled_from(
    [
        "questions",
        "id",
        "prompt",
        "model_answer",
        "key_points",
        "language",
        "tier",
        "consent",
        "text",
        "given_at",
        "$ne",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**30, max_value=10**31),
    st.floats(),
    st.text(st.characters(codec=None), max_size=20),
    st.sampled_from(["en", "q1", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "\x00", "\ud800", "$where"]),
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)
NEARLY_RIGHT = st.fixed_dictionaries(
    {"questions": st.lists(st.fixed_dictionaries({"id": SCALARS, "prompt": SCALARS}), max_size=3) | st.just(QUESTIONS)},
    optional={
        "language": SCALARS,
        "tier": SCALARS,
        "consent": st.fixed_dictionaries({"text": SCALARS, "given_at": SCALARS}),
    },
)
HEADER_TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("Accept", "Authorization", "Connection", "Content-Encoding", "Content-Type", "Cookie", "Expect", "Host"),
            *("If-Match", "If-None-Match", "Last-Event-ID", "Origin", "Range", "Referer", "Upgrade", "X-Forwarded-For"),
            *("X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override", "X-Request-ID", "Transfer-Encoding"),
        ]
    ),
    HEADER_TEXT | st.just("x" * 20_000) | st.sampled_from(["websocket", "chunked", "application/json", "bytes=0-"]),
    max_size=5,
)
METHODS = st.sampled_from(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO"])


def assert_no_defect(reply: Any) -> None:
    assert reply.status_code < 500, reply.text
    if reply.status_code >= 400 and reply.request.method != "HEAD":
        assert_problem(reply, reply.status_code)
    reply.close()


@BOUNDED
@given(body=ANY_JSON | NEARLY_RIGHT)
def test_any_json(app: Flask, token: str, body: Any) -> None:
    reply = app.test_client().post(
        "/api/sessions", data=json.dumps(body), content_type="application/json", headers=bearer(token)
    )
    assert_no_defect(reply)
    if reply.status_code == 201:
        read = app.test_client().get(reply.headers["Location"], headers=bearer(token))
        assert read.status_code == 200


@BOUNDED
@given(
    body=st.binary(max_size=300), content_type=st.sampled_from(["application/json", "multipart/form-data; boundary=b"])
)
def test_any_body(app: Flask, interview: Interview, body: bytes, content_type: str) -> None:
    for path in ("/api/sessions", interview.upload_path()):
        reply = app.test_client().post(path, data=body, content_type=content_type, headers=interview.owner)
        assert reply.status_code >= 400
        assert_no_defect(reply)


@BOUNDED
@given(method=METHODS, headers=HEADERS)
@pytest.mark.parametrize(
    "path", ["/", "/api/sessions", "/api/sessions/{id}", "/api/upload-answer/{id}/q1", "/api/docs/", "/readyz"]
)
def test_any_headers(app: Flask, interview: Interview, method: str, headers: dict[str, str], path: str) -> None:
    environ = {
        name if name.startswith("CONTENT_") else f"HTTP_{name}": value
        for name, value in ((name.upper().replace("-", "_"), value) for name, value in headers.items())
    }
    with_token = {**interview.owner} if "Authorization" not in headers else {}
    reply = app.test_client().open(
        path.format(id=interview.id), method=method, headers=with_token, environ_overrides=environ
    )
    if path == "/readyz" and reply.status_code == 503:
        return
    assert_no_defect(reply)


@BOUNDED
@given(path=st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=40), method=METHODS)
def test_any_path(app: Flask, interview: Interview, path: str, method: str) -> None:
    for prefix in ("/", f"/api/transcription-status/{interview.id}/", "/api/sessions/", "/api/docs/"):
        reply = app.test_client().open(
            "/", method=method, headers=interview.owner, environ_overrides={"PATH_INFO": prefix + path}
        )
        assert_no_defect(reply)


@BOUNDED
@given(
    query=st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=60),
    name=st.sampled_from(["cursor", "limit", "token", ""]),
)
def test_any_query(app: Flask, interview: Interview, query: str, name: str) -> None:
    for path in ("/api/sessions", "/", f"/api/sessions/{interview.id}", "/api/docs/"):
        environ = {"QUERY_STRING": f"{name}={query}"}
        reply = app.test_client().get(path, headers=interview.owner, environ_overrides=environ)
        assert_no_defect(reply)
