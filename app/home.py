"""The page a link opens: the token in the address becomes an HttpOnly cookie at once, and leaves the address."""

from datetime import UTC, datetime

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response

from app.auth import COOKIE, services
from app.cookie import is_secure
from services.errors import Unauthorized
from services.grants import Grant
from services.models import WORKER

blueprint = Blueprint("home", __name__)

COOKIE_SECONDS = 30 * 24 * 60 * 60


@blueprint.route("/")
def home() -> Response:
    """Exchange `?token=` for a cookie, then show what there is to see."""
    token = request.args.get("token")
    if token is None:
        return redirect("/api/docs/")
    grant = services().access.grant_of(token)
    if grant.token_hash is None or grant.caller.role == WORKER:
        raise Unauthorized("A signed token or a worker key belongs into the Authorization header.")
    response = redirect("/", code=303)
    response.set_cookie(
        COOKIE, token, max_age=_seconds_of(grant), httponly=True, secure=is_secure(), samesite="Lax", path="/"
    )
    return response


def _seconds_of(grant: Grant) -> int:
    """No longer than the token itself."""
    if grant.expires_at is None:
        return COOKIE_SECONDS
    return min(COOKIE_SECONDS, int((grant.expires_at - datetime.now(UTC)).total_seconds()))
