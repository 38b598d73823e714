"""Links and cookies: what a browser sends by itself must not be usable by somebody else's page."""

from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.container import Services
from tests.api.conftest import QUESTIONS, Interview, assert_problem
from tests.factories import settings_with

OWN = "http://localhost"
FOREIGN = ["https://evil.example", "null", "http://localhost.evil.example", "http://localhost:81", "https://localhost"]


@pytest.fixture
def browser(app: Flask, interview: Interview) -> FlaskClient:
    """A browser that has followed the link."""
    opened = app.test_client()
    assert opened.get(f"/?token={interview.link_token}").status_code == 303
    return opened


def test_a_link_becomes_a_cookie_and_leaves_the_address(client: FlaskClient, interview: Interview) -> None:
    reply = client.get(f"/?token={interview.link_token}")
    assert reply.status_code == 303
    assert reply.headers["Location"] == "/"
    assert interview.link_token not in reply.text
    cookie = reply.headers["Set-Cookie"]
    assert cookie.startswith(f"parley_token={interview.link_token};")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["Referrer-Policy"] == "no-referrer"


def test_over_tls_the_cookie_is_secure(client: FlaskClient, interview: Interview) -> None:
    reply = client.get(f"/?token={interview.link_token}", base_url="https://localhost")
    assert "Secure" in reply.headers["Set-Cookie"].split("; ")


def test_behind_a_tls_proxy_the_cookie_is_secure(services: Services, interview: Interview) -> None:
    """The proxy speaks plain HTTP to us; what people open is PUBLIC_URL."""
    behind = create_app(settings_with(public_url="https://parley.example"), services).test_client()
    reply = behind.get(f"/?token={interview.link_token}")
    assert "Secure" in reply.headers["Set-Cookie"].split("; ")


def test_a_link_that_is_not_valid_sets_no_cookie(client: FlaskClient) -> None:
    for token in ("garbage", "", "%FF", "%00", "x" * 5_000):
        reply = client.get(f"/?token={token}")
        assert_problem(reply, 401, "unauthorized")
        assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("query", ["next=//evil.example", "redirect=https://evil.example", "url=//evil.example"])
def test_a_link_leads_nowhere_else(client: FlaskClient, interview: Interview, query: str) -> None:
    with_token = client.get(f"/?token={interview.link_token}&{query}", headers={"X-Forwarded-Host": "evil.example"})
    without = client.get(f"/?{query}", headers={"X-Forwarded-Host": "evil.example"})
    for reply in (with_token, without):
        location = reply.headers.get("Location", "/")
        assert location.startswith("/")
        assert not location.startswith("//")
        assert "evil" not in location


@pytest.mark.parametrize("path", ["//evil.example", "//evil.example/..", "/\\evil.example", "/%2F/evil.example/"])
def test_no_path_redirects_to_another_host(client: FlaskClient, path: str) -> None:
    reply = client.get("/", environ_overrides={"PATH_INFO": path})
    assert urlsplit(reply.headers.get("Location", "/")).netloc in ("", "localhost")


def test_a_cookie_opens_what_its_token_opens(browser: FlaskClient, interview: Interview) -> None:
    assert browser.get(f"/api/sessions/{interview.id}").status_code == 200
    assert browser.post(f"/api/analyze/{interview.id}", headers={"Origin": OWN}).status_code == 200


@pytest.mark.parametrize("origin", FOREIGN)
def test_another_sites_page_cannot_use_the_cookie(browser: FlaskClient, interview: Interview, origin: str) -> None:
    reply = browser.post(f"/api/analyze/{interview.id}", headers={"Origin": origin})
    assert_problem(reply, 403, "foreign_origin")
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_an_allowed_origin_may_use_the_cookie(services: Services, interview: Interview) -> None:
    settings = settings_with(allowed_origins=("https://screen.example",), public_url="https://parley.example")
    browser = create_app(settings, services).test_client()
    browser.get(f"/?token={interview.link_token}", base_url="https://localhost")
    for origin in ("https://screen.example", "https://parley.example", "https://localhost"):
        reply = browser.post(f"/api/analyze/{interview.id}", headers={"Origin": origin}, base_url="https://localhost")
        assert reply.status_code == 200, origin


def test_a_bearer_token_needs_no_origin(client: FlaskClient, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}", "Origin": FOREIGN[0]}
    assert client.post("/api/sessions", json={"questions": QUESTIONS}, headers=headers).status_code == 201


def test_a_wrong_bearer_token_is_not_saved_by_a_cookie(browser: FlaskClient, interview: Interview) -> None:
    reply = browser.get(f"/api/sessions/{interview.id}", headers={"Authorization": "Bearer garbage"})
    assert_problem(reply, 401)


@pytest.mark.parametrize("path", ["/api/docs/", "/api/openapi.json", "/api/sessions", "/healthz", "/nowhere", "/"])
def test_every_reply_carries_the_headers_that_protect_it(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_replies_with_what_people_said_are_not_kept_by_caches(client: FlaskClient, interview: Interview) -> None:
    reply = client.get(f"/api/transcription-status/{interview.id}", headers=interview.candidate)
    assert reply.headers["Cache-Control"] == "no-store"
