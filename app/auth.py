"""Who is asking. Every blueprint is registered with one of these rules, so that no route can forget to ask.

A caller shows a token: `Authorization: Bearer …`, or the HttpOnly cookie that the printed or mailed link was exchanged
for. It is checked before the body is read.
"""

from collections.abc import Callable

from flask import Blueprint, Flask, current_app, g, request
from flask_smorest import Api

from services.container import Services
from services.errors import Forbidden, Unauthorized
from services.models import Caller, Session

COOKIE = "parley_token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Rule = Callable[[], None]


def services() -> Services:
    """The services of the running app."""
    found: Services = current_app.extensions["parley"]
    return found


def public() -> None:
    """Anybody."""


def caller_only() -> None:
    """Anybody with a valid token; where the path names a session, only who may see it (404 for all others)."""
    g.caller = services().access.caller_of(_token())
    session_id = (request.view_args or {}).get("session_id")
    if session_id is not None:
        g.session = services().sessions.get(g.caller, session_id)


def caller() -> Caller:
    found: Caller = g.caller
    return found


def session() -> Session:
    """The session of the path, as read when the caller's right to it was checked."""
    found: Session = g.session
    return found


def register(app: Flask, api: Api | None, blueprint: Blueprint, rule: Rule) -> None:
    """Register a blueprint under a rule (through flask-smorest where it documents itself)."""
    # On the app, not on the blueprint (which outlives it), and first: before any check of the blueprint's own.
    app.before_request_funcs.setdefault(blueprint.name, []).insert(0, rule)
    app.extensions.setdefault("parley_auth_rules", {})[blueprint.name] = rule
    if api is None:
        app.register_blueprint(blueprint)
    else:
        api.register_blueprint(blueprint)


def is_own_origin(origin: str) -> bool:
    """Whether a browser's request comes from a page of ours or of an allowed origin."""
    config = current_app.config
    return origin in (request.host_url.rstrip("/"), config["PUBLIC_URL"], *config["ALLOWED_ORIGINS"])


def _token() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return token.strip()
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthorized("Send a token: `Authorization: Bearer …`.")
    # A browser sends the cookie by itself, so a page of somebody else's could use it.
    origin = request.headers.get("Origin")
    if origin is not None and request.method not in _SAFE_METHODS and not is_own_origin(origin):
        raise Forbidden("This request comes from another site.", code="foreign_origin")
    return cookie
