"""The link of an interview: replaced or revoked by whoever started it, or by an admin."""

from typing import Any

from flask import current_app

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.schemas.access import LinkSchema

blueprint = Blueprint("links", __name__, url_prefix="/api/sessions", description="Links for candidates")


def address_of(token: str) -> str:
    """What a candidate opens; the page exchanges the token for a cookie at once."""
    return f"{current_app.config['PUBLIC_URL']}/?token={token}"


@blueprint.route("/<session_id>/link", methods=["POST"])
@blueprint.response(201, LinkSchema)
@blueprint.refuses(401, 403, 404)
@without_transcript
def replace_link(session_id: str) -> Any:
    """Make a new link, which is shown only now; the one before opens nothing any more."""
    made = services().links.replace(caller(), session())
    return {"link": address_of(made.token), "link_expires_at": made.expires_at}


@blueprint.route("/<session_id>/link", methods=["DELETE"])
@blueprint.response(204)
@blueprint.refuses(401, 403, 404)
@without_transcript
def revoke_link(session_id: str) -> None:
    """Revoke the link: it opens nothing any more, and live connections made by it are closed."""
    services().links.revoke(caller(), session())
