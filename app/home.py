"""The page a link opens: the token in the address becomes an HttpOnly cookie at once, and leaves the address."""

from flask import Blueprint, current_app, redirect, request
from werkzeug.wrappers import Response

from app.auth import COOKIE, services

blueprint = Blueprint("home", __name__)

COOKIE_SECONDS = 30 * 24 * 60 * 60


@blueprint.route("/")
def home() -> Response:
    """Exchange `?token=` for a cookie, then show what there is to see."""
    token = request.args.get("token")
    if token is None:
        return redirect("/api/docs/")
    services().access.caller_of(token)
    response = redirect("/", code=303)
    # A proxy that ends TLS speaks plain HTTP to us: then only PUBLIC_URL tells how people come.
    is_secure = request.is_secure or current_app.config["PUBLIC_URL"].startswith("https://")
    response.set_cookie(
        COOKIE, token, max_age=COOKIE_SECONDS, httponly=True, secure=is_secure, samesite="Lax", path="/"
    )
    return response
