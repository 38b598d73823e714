"""The mentor interview as a whole: where its stages stand, the review, and submitting it."""

from typing import Any

from app.auth import services, session
from app.blueprint import Blueprint
from app.schemas.mentor import ReviewSchema, StageProgressSchema, SubmittedSchema
from app.stages import progress_of, reviewed
from services.mentor import stages_of

# The token of the interview's link stands in the path: it is the credential, no other is looked at.
blueprint = Blueprint("mentor", __name__, url_prefix="/api/mentor-interview", description="Interviews of mentors")


@blueprint.route("/<token>/progress")
@blueprint.response(200, StageProgressSchema(many=True))
@blueprint.refuses(401, 404)
@blueprint.doc(security=[])
def progress(token: str) -> Any:
    """Where every answered stage stands."""
    return [progress_of(each) for each in stages_of(session()) if each.answer is not None]


@blueprint.route("/<token>/review")
@blueprint.response(200, ReviewSchema)
@blueprint.refuses(401, 404)
@blueprint.doc(security=[])
def review(token: str) -> Any:
    """Every stage, with what there is to read of it."""
    stages = stages_of(session())
    return {
        "session_id": session().id,
        "is_submitted": session().submitted_at is not None,
        "submitted_at": session().submitted_at,
        "pending_count": sum(each.is_waited_for for each in stages),
        "responses": [reviewed(each) for each in stages],
    }


@blueprint.route("/<token>/submit", methods=["POST"])
@blueprint.response(200, SubmittedSchema)
@blueprint.refuses(401, 404, 409)
@blueprint.doc(security=[])
def submit(token: str) -> Any:
    """End the interview: its answers stay as they are. Transcripts that are still waited for land by themselves."""
    return {"submitted_at": services().submission.submit(session())}
