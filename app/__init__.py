"""The web face: reads a request, calls one service method, shapes the reply."""

from flask import Flask

from app import (
    connections,
    cors,
    errors,
    frontend_version,
    limits,
    proxies,
    rate_limits,
    request_id,
    security_headers,
    unread_body,
)
from app.admin import blueprint as admin
from app.auth import (
    admin_only,
    caller_only,
    listener_only,
    public,
    register,
    signed_url_only,
    staff_only,
    worker_only,
)
from app.consent import blueprint as consent
from app.cookie import blueprint as cookie
from app.docs import build_docs
from app.erasure import blueprint as erasure
from app.export import blueprint as export
from app.feedback import blueprint as feedback
from app.flags import blueprint as flags
from app.health import blueprint as health
from app.home import blueprint as home
from app.interview import blueprint as interview
from app.interview_token import interview_token_or_caller, mentor_token
from app.jobs import blueprint as jobs
from app.links import blueprint as links
from app.live import blueprint as live
from app.live import install as install_live
from app.mentor import blueprint as mentor
from app.mentor_responses import blueprint as mentor_responses
from app.mentor_stream import blueprint as mentor_stream
from app.metrics import blueprint as metrics
from app.metrics import install as install_metrics
from app.opinions import blueprint as opinions
from app.quality import blueprint as quality
from app.responses import blueprint as responses
from app.retention import blueprint as retention
from app.retention import of_others as retention_of_others
from app.review import blueprint as review
from app.search import blueprint as search
from app.sessions import blueprint as sessions
from app.speech_to_text import blueprint as speech_to_text
from app.speech_to_text import install as install_speech_to_text
from app.tickets import blueprint as tickets
from app.transcripts import blueprint as transcripts
from app.upload_url import blueprint as upload_url
from app.uploads import SIGNED_ADDRESS
from app.uploads import blueprint as uploads
from app.uploads import signed as signed_uploads
from app.versions import blueprint as versions
from app.webhooks import blueprint as webhooks
from app.worker import blueprint as worker
from app.worker_keys import blueprint as worker_keys
from config import Settings
from services.container import Services


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
            "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}, **SIGNED_ADDRESS}},
            "security": [{"bearer": []}],
        },
        ALLOWED_ORIGINS=settings.allowed_origins,
        PUBLIC_URL=settings.public_url,
        MAX_RECORDING_BYTES=settings.max_recording_bytes,
        MAX_JOB_BYTES=settings.max_job_bytes,
    )
    _install(app, settings)
    _register_all(app)
    rate_limits.apply(app)
    return app


def _register_all(app: Flask) -> None:
    """Every blueprint under the rule that says who may come in."""
    api = errors.ProblemApi(app)
    for blueprint in (sessions, consent, interview, feedback, uploads, responses, review, transcripts, tickets):
        register(app, api, blueprint, caller_only)
    for blueprint in (versions, opinions):
        register(app, api, blueprint, caller_only)
    register(app, api, signed_uploads, signed_url_only)
    register(app, api, upload_url, interview_token_or_caller)
    for blueprint in (mentor, mentor_responses, mentor_stream):
        register(app, api, blueprint, mentor_token)
    for blueprint in (jobs, speech_to_text, retention, links, export, erasure, search, webhooks):
        register(app, api, blueprint, staff_only)
    for blueprint in (admin, flags, quality, retention_of_others, worker_keys):
        register(app, api, blueprint, admin_only)
    register(app, api, worker, worker_only)
    register(app, api, cookie, public)
    register(app, None, live, listener_only)
    for probe in (health, frontend_version.blueprint):
        register(app, api, probe, public)
    for page in (metrics, home, build_docs()):
        register(app, None, page, public)


def _install(app: Flask, settings: Settings) -> None:
    """What concerns every request. Checks before a request run in this order, additions to replies in the opposite."""
    request_id.install(app)
    limits.install(app, max_recording_bytes=settings.max_recording_bytes, max_job_bytes=settings.max_job_bytes)
    unread_body.install(app)
    errors.install(app)
    install_metrics(app)
    connections.install(app, max_sockets=settings.max_sockets, max_sockets_per_session=settings.max_sockets_per_session)
    install_live(app)
    install_speech_to_text(app, web_threads=settings.web_threads)
    security_headers.install(app, settings.public_url)
    proxies.install(app, settings.trusted_proxies)
    cors.install(app, settings.allowed_origins)
    frontend_version.install(app)
    rate_limits.install(app, settings)
