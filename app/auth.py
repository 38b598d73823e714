"""Who is asking. Every blueprint is registered with one of these rules, so that no route can forget to ask.

A caller shows a token: `Authorization: Bearer …`, or the HttpOnly cookie that the printed or mailed link was exchanged
for. It is checked before the body is read. A live connection may show a ticket instead (`listener_only`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Flask, current_app, g, request
from flask_smorest import Api

from services.container import Services
from services.errors import Forbidden, Unauthorized
from services.grants import Grant
from services.models import WORKER, Caller, Session
from services.upload_urls import SignedUpload

COOKIE = "parley_token"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

Rule = Callable[[], None]
View = TypeVar("View", bound=Callable[..., Any])


def services() -> Services:
    """The services of the running app."""
    found: Services = current_app.extensions["parley"]
    return found


def public() -> None:
    """Anybody."""


def caller_only() -> None:
    """Anybody with a valid token; where the path names a session, only who may see it (404 for all others).

    A worker key opens nothing here, nor under any other rule but `worker_only` (403).
    """
    g.grant = _grant_of_person()
    _open_session()


def staff_only() -> None:
    """As `caller_only`, but no session link (403)."""
    caller_only()
    if caller().session_id is not None:
        raise Forbidden("A session link does not allow this.")


def admin_only() -> None:
    """Only who has the role admin (403 for all others, whatever the path names)."""
    g.grant = _grant_of_person()
    if caller().role != "admin":
        raise Forbidden("Only an admin may do this.")
    _open_session()


def worker_only() -> None:
    """Only a worker key (403 for all others): of its owner's answers, nothing else is to be found there."""
    g.grant = services().access.grant_of(shown_token())
    if caller().role != WORKER:
        raise Forbidden("Only a worker key allows this.")


def listener_only() -> None:
    """As `caller_only`, for live connections: a single-use ticket in the address will do, too."""
    ticket = request.args.get("ticket")
    if ticket is None:
        g.grant = _grant_of_person()
    else:
        g.grant = services().tickets.redeem(ticket, (request.view_args or {})["session_id"])
    _open_session(is_connection=True)


def signed_url_only() -> None:
    """Anybody with an address that we signed for just this request: it is the credential, no other is looked at."""
    signed = services().upload_urls.verified(request.method, request.path, request.args.to_dict(flat=False))
    g.grant, g.session, g.signed_upload = signed.grant, signed.session, signed


def check_again() -> None:
    """Raise what a listener would be refused with, if it came now by what it once came in with."""
    grant = services().access.renewed(g.grant)
    services().sessions.get(grant.caller, session().id)


def caller() -> Caller:
    return grant().caller


def grant() -> Grant:
    """Who asks, and by what."""
    found: Grant = g.grant
    return found


def session() -> Session:
    """The session of the path, as read when the caller's right to it was checked."""
    found: Session = g.session
    return found


def signed_upload() -> SignedUpload:
    """What the address of this request was signed for (`signed_url_only`)."""
    found: SignedUpload = g.signed_upload
    return found


def without_transcript(view: View) -> View:
    """Mark a view of a session whose reply holds nothing that was said: calling it is no read to be recorded."""
    view.shows_no_transcript = True  # type: ignore[attr-defined]
    return view


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


def refuse_foreign_page() -> None:
    """Raise `Forbidden` for a change that a page of another site asks for: a browser sends the cookie by itself."""
    origin = request.headers.get("Origin")
    if origin is not None and request.method not in _SAFE_METHODS and not is_own_origin(origin):
        raise Forbidden("This request comes from another site.", code="foreign_origin")


def _grant_of_person() -> Grant:
    found = services().access.grant_of(shown_token())
    if found.caller.role == WORKER:
        raise Forbidden("A worker key does not allow this.", code="worker_key")
    return found


def _open_session(*, is_connection: bool = False) -> None:
    session_id = (request.view_args or {}).get("session_id")
    if session_id is None:
        return
    g.session = services().sessions.get(caller(), session_id)
    view = current_app.view_functions[request.endpoint or ""]
    if caller().user_id != session().owner_id and not getattr(view, "shows_no_transcript", False):
        # Before anything is shown: what cannot be recorded is not shown (503).
        door = request.url_rule.rule if request.url_rule else ""
        services().audit.record_read(caller(), session(), door=door, is_connection=is_connection)


def shown_token() -> str:
    """The token of the header, else of the cookie; raises `Unauthorized` without either."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if token and scheme.lower() == "bearer":
        return token.strip()
    cookie = request.cookies.get(COOKIE)
    if not cookie:
        raise Unauthorized("Send a token: `Authorization: Bearer …`.")
    refuse_foreign_page()
    return cookie
