"""Responses: give one by typing or by an upload, read what was given."""

from typing import Any

from flask import jsonify, url_for

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.idempotency import idempotent, sent_key_value
from app.ids import checked_question_id
from app.interview import where_to_ask
from app.revisions import etag_of
from app.schemas.answers import ReceiptSchema
from app.schemas.responses import TEXT, NewSessionResponseSchema, SessionResponseListSchema, SessionResponseSchema
from services.errors import NotFound
from services.features import require_audio
from services.responses import Response, response_to, responses_of

blueprint = Blueprint("responses", __name__, url_prefix="/api/sessions", description="Answer by typing or by an upload")


@blueprint.route("/<session_id>/responses", methods=["POST"])
@idempotent(repeats_safely=True)
@blueprint.arguments(NewSessionResponseSchema)
@blueprint.response(201, SessionResponseSchema)
@blueprint.alt_response(202, schema=ReceiptSchema, description="A recording: it is transcribed in the background")
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
@without_transcript
def give_response(body: dict[str, Any], session_id: str) -> Any:
    """Answer a question: a text is complete at once, a recording is transcribed first."""
    services().answers.require_question(session(), body["question_id"])
    return _typed(body) if body["type"] == TEXT else _recorded(body)


@blueprint.route("/<session_id>/responses")
@blueprint.response(200, SessionResponseListSchema)
@blueprint.refuses(401, 404)
def list_responses(session_id: str) -> Any:
    """Every response of an interview, in the order of the questions."""
    return {"session_id": session_id, "responses": responses_of(session())}


@blueprint.route("/<session_id>/responses/<question_id>")
@checked_question_id
@blueprint.response(200, SessionResponseSchema)
@blueprint.refuses(401, 404, 422)
def read_response(session_id: str, question_id: str) -> Any:
    """One response; the ETag is the revision of its text, for an edit."""
    found = response_to(session(), question_id)
    if found is None:
        raise NotFound("There is no response to this question yet.", code="no_answer")
    return found, etag_of(found.answer)


def _typed(body: dict[str, Any]) -> Any:
    question_id = body["question_id"]
    answer = services().typed_answers.accept(
        session(), question_id, body["response_text"], caller().user_id, key=sent_key_value()
    )
    location = url_for("responses.read_response", session_id=session().id, question_id=question_id)
    return Response(answer, edited=False, attempts=0, audio=None), {"Location": location, **etag_of(answer)}


def _recorded(body: dict[str, Any]) -> Any:
    # A text needs neither consent nor room, so nothing of this is asked before it is known which of the two it is.
    require_audio(session())
    services().consents.require(session())
    services().admission.check(session().owner_id, 0)
    said = {"language": body.get("language"), "declared_duration_ms": body.get("duration_ms")}
    question_id, key = body["question_id"], body["object_key"]
    receipt = services().signed_uploads.use(session(), question_id, key, caller().user_id, **said)
    return jsonify(ReceiptSchema().dump(receipt)), 202, where_to_ask(session().id, question_id)
