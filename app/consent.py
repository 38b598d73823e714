"""Consent to being recorded: whoever holds the interview's link gives and withdraws it, or who asks the questions."""

from typing import Any

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.schemas.keeping import GivenConsentSchema
from app.schemas.sessions import ConsentSchema

blueprint = Blueprint("consent", __name__, url_prefix="/api/sessions", description="Consent to being recorded")


@blueprint.route("/<session_id>/consent", methods=["POST"])
@blueprint.arguments(GivenConsentSchema)
@blueprint.response(201, ConsentSchema)
@blueprint.refuses(400, 401, 403, 404, 413, 415, 422)
@without_transcript
def give_consent(body: dict[str, Any], session_id: str) -> Any:
    """Keep what was agreed to, with its time and who told of it; a newer one takes its place."""
    services().consents.give(caller(), session(), body["text"], body["given_at"])
    return services().sessions.get(caller(), session_id).details["consent"]


@blueprint.route("/<session_id>/consent", methods=["DELETE"])
@blueprint.response(204)
@blueprint.refuses(401, 403, 404)
@without_transcript
def withdraw_consent(session_id: str) -> None:
    """Withdraw it: no further recording is taken. What there is already goes when the interview is erased."""
    services().consents.withdraw(caller(), session())
