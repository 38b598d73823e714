"""Erasing an interview, or a person with everything that is kept under their name."""

from http import HTTPStatus
from typing import Any

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.schemas.erasure import ErasureReceiptSchema
from services.erasure import Receipt

blueprint = Blueprint("erasure", __name__, url_prefix="/api", description="Erase what is kept of people")


@blueprint.route("/sessions/<session_id>", methods=["DELETE"])
@without_transcript
@blueprint.response(200, ErasureReceiptSchema)
@blueprint.alt_response(202, schema=ErasureReceiptSchema, description="Erased for every reader; the rest is on its way")
@blueprint.refuses(401, 403, 404, 503)
def erase_session(session_id: str) -> Any:
    """Erase an interview with all its recordings and transcripts."""
    return _replied(services().erasure.erase_session(caller(), session_id, session().owner_id))


@blueprint.route("/people/<path:user_id>", methods=["DELETE"])
@blueprint.response(200, ErasureReceiptSchema)
@blueprint.alt_response(202, schema=ErasureReceiptSchema, description="Begun; the rest is on its way")
@blueprint.refuses(401, 403, 503)
def erase_person(user_id: str) -> Any:
    """Erase every interview a person owns, their tokens and the rest; for admins, and for the person."""
    return _replied(services().erasure.erase_person(caller(), user_id))


def _replied(receipt: Receipt) -> tuple[Receipt, int]:
    return receipt, HTTPStatus.OK if receipt.is_complete else HTTPStatus.ACCEPTED
