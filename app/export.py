"""An interview as one file to take along."""

from flask import Response

from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint

blueprint = Blueprint("export", __name__, url_prefix="/api", description="Take everything along")

CONTENT_TYPE = "application/zip"


@blueprint.route("/sessions/<session_id>/export")
@without_transcript  # a row of its own in the audit log says more than that of a read
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type=CONTENT_TYPE)
@blueprint.refuses(401, 403, 404, 503)
def export_session(session_id: str) -> Response:
    """A zip of everything that is kept: `session.json`, transcripts as txt, srt and vtt, retained recordings."""
    headers = {"Content-Disposition": f'attachment; filename="interview-{session_id}.zip"', "X-Accel-Buffering": "no"}
    return Response(services().export.of(caller(), session()), content_type=CONTENT_TYPE, headers=headers)
