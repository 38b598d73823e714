"""`X-Forwarded-…` counts only as far as our own proxies wrote it."""

from typing import Any

import pytest
from flask import Flask, request

from app import create_app
from app.addresses import address_of_client
from services.container import Services
from tests.api.conftest import Interview
from tests.factories import settings_with

SPOOFED = {
    "X-Forwarded-For": "203.0.113.1, 198.51.100.7",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "a.example",
}
CLIENT = "127.0.0.1"


def seen(app: Flask, headers: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}

    @app.before_request
    def look() -> None:
        found.update(address=address_of_client(), is_secure=request.is_secure, host=request.host)

    app.test_client().get("/healthz", headers=headers)
    return found


def app_behind(services: Services, proxies: int) -> Flask:
    return create_app(settings_with(trusted_proxies=proxies), services)


def test_without_proxies_nothing_of_it_is_believed(services: Services) -> None:
    assert seen(app_behind(services, 0), SPOOFED) == {"address": CLIENT, "is_secure": False, "host": "localhost"}


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ("198.51.100.7", "198.51.100.7"),
        # What the client wrote itself stands in front of what the proxy added.
        ("203.0.113.1, 198.51.100.7", "198.51.100.7"),
    ],
)
def test_behind_one_proxy_only_its_own_entry_counts(services: Services, forwarded_for: str, address: str) -> None:
    headers = {**SPOOFED, "X-Forwarded-For": forwarded_for}
    assert seen(app_behind(services, 1), headers) == {"address": address, "is_secure": True, "host": "a.example"}


def test_behind_two_proxies_the_last_but_one_counts(services: Services) -> None:
    headers = {"X-Forwarded-For": "203.0.113.1, 198.51.100.7, 192.0.2.1"}
    assert seen(app_behind(services, 2), headers)["address"] == "198.51.100.7"


def test_who_invents_addresses_does_not_escape_the_limit(services: Services) -> None:
    client = create_app(settings_with(rate_limit="2/minute"), services).test_client()
    replies = [client.get("/api/sessions", headers={"X-Forwarded-For": f"192.0.2.{n}"}) for n in range(4)]
    assert [reply.status_code for reply in replies] == [401, 401, 429, 429]


def test_the_cookie_is_secure_only_if_our_proxy_says_tls(services: Services, interview: Interview) -> None:
    for proxies, is_secure in ((0, False), (1, True)):
        client = app_behind(services, proxies).test_client()
        reply = client.get(f"/?token={interview.link_token}", headers={"X-Forwarded-Proto": "https"})
        assert ("Secure" in reply.headers["Set-Cookie"].split("; ")) is is_secure
