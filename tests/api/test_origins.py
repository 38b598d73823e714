"""Which pages may read replies: those of allowed origins, letter by letter."""

import pytest
from flask.testing import FlaskClient

from app import create_app
from services.container import Services
from tests.api.conftest import Interview
from tests.factories import settings_with

ALLOWED = "https://screen.example"
# As a pattern it would fit others.
ODD = "https://a.b*c.example"
LOOKALIKES = [
    "null",
    "*",
    "https://screen.example.evil.example",
    "https://evil-screen.example",
    "https://screenxexample",
    "https://screen.example:8443",
    "http://screen.example",
    "https://screen.example/",
    "https://screen.example\x0b",
    "https://a.bbbc.example",
    "https://axb*c.example",
    "https://evil.example",
    "",
]


@pytest.fixture
def page(services: Services) -> FlaskClient:
    """What a browser page asks."""
    return create_app(settings_with(allowed_origins=(ALLOWED, ODD)), services).test_client()


def preflight(page: FlaskClient, path: str, origin: str, method: str = "POST") -> dict[str, str]:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,idempotency-key,content-digest,x-frontend-version",
    }
    reply = page.options(path, headers=headers)
    assert (reply.status_code, reply.data) == (204, b"")
    return {name.lower(): value for name, value in reply.headers if name.lower() != "x-request-id"}


@pytest.mark.parametrize("origin", [ALLOWED, ODD])
def test_a_page_of_an_allowed_origin_may_read(page: FlaskClient, interview: Interview, origin: str) -> None:
    reply = page.get(f"/api/sessions/{interview.id}", headers={**interview.candidate, "Origin": origin})
    assert reply.status_code == 200
    assert reply.headers["Access-Control-Allow-Origin"] == origin
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in reply.vary
    exposed = set(reply.headers["Access-Control-Expose-Headers"].split(", "))
    assert exposed == {"ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-ID"}


def test_it_may_read_why_it_was_refused(page: FlaskClient) -> None:
    for path in ("/api/sessions", "/nowhere"):
        assert page.get(path, headers={"Origin": ALLOWED}).headers["Access-Control-Allow-Origin"] == ALLOWED


@pytest.mark.parametrize("origin", LOOKALIKES)
def test_no_other_page_may(page: FlaskClient, interview: Interview, origin: str) -> None:
    reply = page.get(f"/api/sessions/{interview.id}", headers={**interview.candidate, "Origin": origin})
    assert not [name for name, _ in reply.headers if name.lower().startswith("access-control")]
    assert "Origin" in reply.vary
    assert not [name for name in preflight(page, "/api/sessions", origin) if name.startswith("access-control")]


def test_without_allowed_origins_there_are_none(client: FlaskClient) -> None:
    for origin in (ALLOWED, "null", "*"):
        reply = client.get("/api/sessions", headers={"Origin": origin})
        assert not [name for name, _ in reply.headers if name.lower().startswith("access-control")]


def test_a_preflight_needs_no_token_and_allows_what_is_needed(page: FlaskClient, interview: Interview) -> None:
    allowed = preflight(page, interview.upload_path(), ALLOWED)
    assert allowed["access-control-allow-origin"] == ALLOWED
    assert allowed["access-control-allow-credentials"] == "true"
    assert "POST" in allowed["access-control-allow-methods"]
    names = set(allowed["access-control-allow-headers"].split(", "))
    assert names == {"authorization", "idempotency-key", "content-digest", "x-frontend-version"}


def test_a_preflight_says_nothing_of_what_is_there(page: FlaskClient, interview: Interview) -> None:
    paths = (f"/api/sessions/{interview.id}", "/api/sessions/nobodys", "/nowhere", "/healthz", "/metrics")
    replies = [preflight(page, path, ALLOWED) for path in paths]
    assert all(reply == replies[0] for reply in replies)


def test_a_header_that_is_not_known_is_not_allowed(page: FlaskClient) -> None:
    headers = {
        "Origin": ALLOWED,
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-anything",
    }
    allowed = page.options("/api/sessions", headers=headers).headers.get("Access-Control-Allow-Headers", "")
    assert "x-anything" not in allowed.lower()


def test_options_without_an_origin_is_no_preflight(page: FlaskClient) -> None:
    assert page.options("/api/sessions", headers={"Access-Control-Request-Method": "GET"}).status_code == 401
