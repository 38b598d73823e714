"""Tickets for live connections: for clients that can set neither a header nor a cookie on them."""

from typing import Any

from app.auth import grant, services, session, without_transcript
from app.blueprint import Blueprint
from app.schemas.access import TicketSchema

blueprint = Blueprint("tickets", __name__, url_prefix="/api/sessions", description="Tickets for live connections")


@blueprint.route("/<session_id>/ticket", methods=["POST"])
@blueprint.response(201, TicketSchema)
@blueprint.refuses(401, 403, 404)
@without_transcript
def issue_ticket(session_id: str) -> Any:
    """Make a ticket for one live connection within a minute: `?ticket=` in its address."""
    return services().tickets.issue(grant(), session().id)
