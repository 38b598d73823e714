"""The feedback of an interview: ask for it, ask where it stands, read it. Nothing is scored while somebody waits."""

from typing import Any

from flask import Response, after_this_request, url_for

from app.auth import services, session, without_transcript
from app.blueprint import Blueprint
from app.idempotency import idempotent
from app.schemas.feedback import (
    FeedbackReportSchema,
    FeedbackStatusSchema,
    ReportPageQuerySchema,
    ReportPageSchema,
    WhichReportSchema,
)
from services.feedback_jobs import FeedbackStatus

blueprint = Blueprint("feedback", __name__, url_prefix="/api/sessions", description="The feedback of an interview")


@blueprint.route("/<session_id>/complete", methods=["POST"])
@idempotent(repeats_safely=True)
@blueprint.response(202, FeedbackStatusSchema)
@blueprint.alt_response(200, schema=FeedbackStatusSchema, description="It was asked for before")
@blueprint.refuses(400, 401, 403, 404, 409, 422)
@without_transcript
def complete(session_id: str) -> Any:
    """Say that the interview is over: its feedback is made once every transcript is there.

    Again it is the same job, unless that has failed or the answers have changed since.
    """
    status = services().feedback_jobs.complete(session())
    if status.job.is_new:
        _tell_a_worker(session_id)
    return status, 202 if status.job.is_new else 200, _where_to_ask(session_id, status)


@blueprint.route("/<session_id>/feedback-status")
@blueprint.response(200, FeedbackStatusSchema)
@blueprint.refuses(401, 404)
@without_transcript
def feedback_status(session_id: str) -> Any:
    """Where the feedback stands."""
    status = services().feedback_jobs.status(session())
    return status, _where_to_ask(session_id, status)


@blueprint.route("/<session_id>/feedback")
@blueprint.arguments(WhichReportSchema, location="query")
@blueprint.response(200, FeedbackReportSchema)
@blueprint.refuses(401, 404, 409, 422)
def feedback(query: dict[str, Any], session_id: str) -> Any:
    """The newest report, or an earlier one; 409 says that it is not ready, or why it could not be made."""
    return services().feedback_jobs.report(session(), query.get("report"))


@blueprint.route("/<session_id>/feedback/history")
@blueprint.arguments(ReportPageQuerySchema, location="query")
@blueprint.response(200, ReportPageSchema)
@blueprint.refuses(401, 404, 422)
def feedback_history(query: dict[str, Any], session_id: str) -> Any:
    """Every report there was, newest first, without what it says of each answer."""
    return services().feedback_jobs.history(session(), before=query.get("cursor"), limit=query["limit"])


def _tell_a_worker(session_id: str) -> None:
    """Once the reply is sent: the job is stored, and nobody has to wait for the queue."""
    feedback_jobs = services().feedback_jobs

    @after_this_request
    def tell(response: Response) -> Response:
        response.call_on_close(lambda: feedback_jobs.send(session_id))
        return response


def _where_to_ask(session_id: str, status: FeedbackStatus) -> dict[str, str]:
    """The headers of something that is on its way."""
    if status.retry_after is None:
        return {"Location": url_for("feedback.feedback", session_id=session_id)}
    location = url_for("feedback.feedback_status", session_id=session_id)
    return {"Location": location, "Retry-After": str(status.retry_after)}
