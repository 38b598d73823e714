"""The web face: reads a request, calls one service method, shapes the reply."""

from flask import Flask, Response

from app import errors, limits, request_id, unread_body
from app.auth import caller_only, public, register
from app.docs import build_docs
from app.health import blueprint as health
from app.home import blueprint as home
from app.interview import blueprint as interview
from app.live import blueprint as live
from app.live import install as install_live
from app.metrics import blueprint as metrics
from app.metrics import install as install_metrics
from app.sessions import blueprint as sessions
from config import Settings
from services.container import Services

# Nothing from another host, nothing inline, in nobody's frame.
CONTENT_SECURITY_POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


def create_app(settings: Settings, services: Services) -> Flask:
    """Build the Flask application over services that are already joined."""
    app = errors.ParleyFlask(__name__, static_folder=None)
    app.extensions["parley"] = services
    app.config.update(
        API_TITLE="Parley",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/api",
        OPENAPI_JSON_PATH="openapi.json",
        API_SPEC_OPTIONS={
            "info": {
                "description": "Spoken interview answers, transcribed in the background.",
                "license": {"name": "MIT"},
            },
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
            "security": [{"bearer": []}],
        },
        ALLOWED_ORIGINS=settings.allowed_origins,
        PUBLIC_URL=settings.public_url,
        MAX_RECORDING_BYTES=settings.max_recording_bytes,
    )
    request_id.install(app)
    limits.install(app, max_recording_bytes=settings.max_recording_bytes)
    unread_body.install(app)
    errors.install(app)
    install_metrics(app)
    install_live(app, max_sockets=settings.max_sockets)
    app.after_request(_protect)

    api = errors.ProblemApi(app)
    for blueprint in (sessions, interview):
        register(app, api, blueprint, caller_only)
    register(app, None, live, caller_only)
    register(app, api, health, public)
    for page in (metrics, home, build_docs()):
        register(app, None, page, public)
    return app


def _protect(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    return response
