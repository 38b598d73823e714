"""For workers of somebody else: what waits for a transcript, its recording, and where the transcript goes.

Under the rule `worker_only`: everything here is of the owner whose key it is.
"""

from typing import Any

from flask import Response

from app.auth import caller, services
from app.blueprint import Blueprint
from app.cursors import as_cursor, from_cursor
from app.schemas.answers import AnswerStatusSchema
from app.schemas.worker import OutsideTextSchema, WaitingPageSchema, WaitingQuerySchema
from services.export import EXTENSIONS
from services.models import Status
from services.outside_transcripts import OutsideText

blueprint = Blueprint("worker", __name__, url_prefix="/api/worker", description="Transcribe for an owner (worker keys)")

_BINARY = {"type": "string", "format": "binary"}


@blueprint.route("/answers")
@blueprint.arguments(WaitingQuerySchema, location="query")
@blueprint.response(200, WaitingPageSchema)
@blueprint.refuses(401, 403, 422)
def list_waiting(query: dict[str, Any]) -> Any:
    """Answers that take a transcript, the oldest first. Nothing is claimed: the first transcript is the one."""
    status, after = Status(query["status"]), from_cursor(query.get("cursor"))
    page = services().outside_transcripts.waiting(caller(), status, after=after, limit=query["limit"])
    return {"answers": page.answers, "next": as_cursor(*page.next) if page.next else None}


@blueprint.route("/answers/<string(length=24):answer_id>/audio")
@blueprint.response(200, _BINARY, content_type="audio/*")
@blueprint.refuses(401, 403, 404)
def read_audio(answer_id: str) -> Response:
    """A recording as it was received; its `sha256` is in the list."""
    sent = services().outside_transcripts.audio(caller(), answer_id)
    name = f"{answer_id}.{EXTENSIONS.get(sent.content_type, 'bin')}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    # With its length, so that one which breaks off is not taken for all of it.
    response = Response(sent.parts, content_type=sent.content_type, headers=headers)
    response.content_length = sent.length_bytes
    return response


@blueprint.route("/answers/<string(length=24):answer_id>/transcript", methods=["PUT"])
@blueprint.arguments(OutsideTextSchema)
@blueprint.response(200, AnswerStatusSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422)
def write_transcript(body: dict[str, Any], answer_id: str) -> Any:
    """Complete an answer; the recording is deleted then. Again with the same text changes nothing."""
    heard = OutsideText(body["text"], body["whisper_model"], body.get("language"))
    return services().outside_transcripts.write_by_id(caller(), answer_id, heard)
