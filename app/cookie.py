"""Signing out: the browser forgets the token that a link was exchanged for."""

from flask import Response, current_app, request

from app.auth import COOKIE, refuse_foreign_page
from app.blueprint import Blueprint

blueprint = Blueprint("cookie", __name__, url_prefix="/api", description="The cookie of a browser")


@blueprint.route("/cookie", methods=["DELETE"])
@blueprint.response(204)
@blueprint.refuses(403)
@blueprint.doc(security=[])
def forget_cookie() -> Response:
    """Sign this browser out. The token itself goes on; revoke the link to end it everywhere."""
    refuse_foreign_page()
    response = Response(status=204)
    response.delete_cookie(COOKIE, httponly=True, secure=is_secure(), samesite="Lax", path="/")
    return response


def is_secure() -> bool:
    """Whether people come by https. A proxy that ends TLS speaks plain HTTP to us: then only PUBLIC_URL tells."""
    return request.is_secure or current_app.config["PUBLIC_URL"].startswith("https://")
