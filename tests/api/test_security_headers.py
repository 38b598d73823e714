"""Every reply of every route carries what protects it, errors and files too."""

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.container import Services
from tests.factories import settings_with

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
FILES = ("/api/docs/swagger-ui-bundle.js", "/api/docs/nothing.js", "/nowhere", "/api/docs/")


def every_path(app: Flask) -> set[str]:
    with app.test_request_context() as context:
        adapter = context.url_adapter
        assert adapter is not None
        rules = {rule.endpoint: dict.fromkeys(rule.arguments, "1") for rule in app.url_map.iter_rules()}
        return {adapter.build(endpoint, values, force_external=False) for endpoint, values in rules.items()}


@pytest.mark.parametrize("method", METHODS)
def test_every_reply_is_protected(app: Flask, client: FlaskClient, method: str) -> None:
    paths = every_path(app) | set(FILES)
    assert len(paths) > 10
    for path in paths:
        reply = client.open(path, method=method)
        assert {name: reply.headers.get(name) for name in EXPECTED} == EXPECTED, (path, reply.status_code)
        assert "default-src 'self'" in reply.headers["Content-Security-Policy"], path
        assert "microphone=(self)" in reply.headers["Permissions-Policy"], path
        assert "Strict-Transport-Security" not in reply.headers
        assert "Server" not in reply.headers
        reply.close()


def test_where_people_come_by_tls_they_are_told_to_stay_with_it(services: Services) -> None:
    client = create_app(settings_with(public_url="https://parley.example"), services).test_client()
    for path in ("/api/sessions", "/nowhere", "/healthz"):
        assert client.get(path).headers["Strict-Transport-Security"].startswith("max-age=31536000")
