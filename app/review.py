"""Reviewing answers: the person's edit of a transcript."""

from typing import Any

from app.auth import caller, services, session
from app.blueprint import Blueprint
from app.ids import checked_question_id
from app.revisions import etag_of, expected_revision
from app.schemas.answers import AnswerStatusSchema
from app.schemas.review import IF_MATCH, EditSchema

blueprint = Blueprint("review", __name__, url_prefix="/api", description="Correct what was heard")


@blueprint.route("/sessions/<session_id>/answers/<question_id>/transcript", methods=["PUT"])
@checked_question_id
@blueprint.arguments(EditSchema)
@blueprint.response(200, AnswerStatusSchema)
@blueprint.doc(parameters=[IF_MATCH])
@blueprint.refuses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)
def edit_transcript(body: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Replace the text of a transcript; `If-Match` says which revision was edited."""
    revision = expected_revision(services().answers.status(session(), question_id))
    services().review.edit_transcript(caller(), session(), question_id, body["text"], revision)
    edited = services().answers.status(services().sessions.get(caller(), session_id), question_id)
    return edited, etag_of(edited)
