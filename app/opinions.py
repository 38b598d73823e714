"""Ratings of transcripts, and reports of words that are wrong in them."""

from typing import Any

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.idempotency import idempotent
from app.ids import checked_question_id
from app.schemas.opinions import (
    ErrorReportListSchema,
    ErrorReportSchema,
    NewErrorReportSchema,
    NewRatingSchema,
    RatingListSchema,
    RatingSchema,
)
from services.answer_status import AnswerStatus
from services.opinions import WrongWords

blueprint = Blueprint("opinions", __name__, url_prefix="/api", description="Say how good a transcript is")

_TRANSCRIPT = "/sessions/<session_id>/answers/<question_id>/transcript"


@blueprint.route(f"{_TRANSCRIPT}/rating", methods=["PUT"])
@checked_question_id
@without_transcript
@blueprint.arguments(NewRatingSchema)
@blueprint.response(200, RatingSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422)
def rate(body: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Rate a transcript with one to five stars, in the place of one's earlier rating."""
    said = body["stars"], body.get("comment"), body.get("revision")
    return services().opinions.rate(caller(), session(), _answer(question_id), *said)


@blueprint.route(f"{_TRANSCRIPT}/rating")
@checked_question_id
@blueprint.response(200, RatingListSchema)
@blueprint.refuses(401, 404)
def list_ratings(session_id: str, question_id: str) -> Any:
    """How the transcript of this answer was rated."""
    return {"ratings": services().opinions.ratings(caller(), _answer(question_id))}


@blueprint.route(f"{_TRANSCRIPT}/rating", methods=["DELETE"])
@checked_question_id
@without_transcript
@blueprint.response(204)
@blueprint.refuses(401, 403, 404)
def forget_rating(session_id: str, question_id: str) -> None:
    """Take one's rating back."""
    services().opinions.unrate(caller(), session(), _answer(question_id))


@blueprint.route(f"{_TRANSCRIPT}/errors", methods=["POST"])
@checked_question_id
@idempotent
@blueprint.arguments(NewErrorReportSchema)
@blueprint.response(201, ErrorReportSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422)
def report_error(body: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Report words that are not what was said; the text stays as it is until somebody edits it."""
    number = body.pop("revision", None)
    return services().opinions.report(caller(), session(), _answer(question_id), WrongWords(**body), number)


@blueprint.route(f"{_TRANSCRIPT}/errors")
@checked_question_id
@blueprint.response(200, ErrorReportListSchema)
@blueprint.refuses(401, 404)
def list_errors(session_id: str, question_id: str) -> Any:
    """What was reported of the transcript of this answer."""
    return {"errors": services().opinions.reports(caller(), _answer(question_id))}


def _answer(question_id: str) -> AnswerStatus:
    return services().answers.status(session(), question_id)
