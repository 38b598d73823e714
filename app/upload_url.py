"""Where a mentor's client sends a recording to."""

from typing import Any

from app.auth import caller, services, session
from app.blueprint import Blueprint
from app.schemas.mentor import MentorUploadSchema, MentorUploadUrlSchema
from app.uploads import address_for, audio_url_of
from services.mentor import stage_of

blueprint = Blueprint("upload_url", __name__, url_prefix="/api", description="Interviews of mentors")


@blueprint.route("/upload-url", methods=["POST"])
@blueprint.arguments(MentorUploadSchema)
@blueprint.response(201, MentorUploadUrlSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
@blueprint.doc(security=[{}, {"bearer": []}])
def make_upload_url(body: dict[str, Any]) -> Any:
    """Sign an address for one recording of one stage: good for ten minutes, and once."""
    asked = session() if "token" in body else services().sessions.get(caller(), body["session_id"])
    question_id = stage_of(asked, body["stage_id"]).question.id
    services().submission.require_open(asked)
    made = address_for(asked, question_id, body)
    return {**made, "upload_url": made["url"], "audio_url": audio_url_of(made["object_key"])}
