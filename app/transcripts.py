"""Transcripts, with when each word was spoken and how sure that is."""

from typing import Any

from flask import Response, jsonify, request

from app.auth import services, session
from app.blueprint import Blueprint
from app.ids import checked_question_id
from app.schemas.transcripts import IF_NONE_MATCH, TranscriptQuerySchema, TranscriptSchema
from services.transcripts import ReadTranscript

blueprint = Blueprint("transcripts", __name__, url_prefix="/api", description="Read what was heard")

CONTENT_TYPES = {"txt": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
_TEXT = {"type": "string"}


@blueprint.route("/sessions/<session_id>/answers/<question_id>/transcript")
@checked_question_id
@blueprint.arguments(TranscriptQuerySchema, location="query")
@blueprint.response(200, TranscriptSchema)
@blueprint.alt_response(200, schema=_TEXT, content_type=CONTENT_TYPES["txt"])
@blueprint.alt_response(200, schema=_TEXT, content_type=CONTENT_TYPES["srt"])
@blueprint.alt_response(200, schema=_TEXT, content_type=CONTENT_TYPES["vtt"])
@blueprint.alt_response(304, description="It is still the revision that `If-None-Match` names")
@blueprint.doc(parameters=[IF_NONE_MATCH])
@blueprint.refuses(401, 404, 409, 422)
def read_transcript(query: dict[str, Any], session_id: str, question_id: str) -> Response:
    """A transcript with its words, or as text or captions; 409 with `Retry-After` while it is waited for."""
    answer = services().answers.status(session(), question_id)
    transcript = services().transcripts.read(answer, query.get("revision"))
    response = _written(transcript, query["format"])
    response.set_etag(str(transcript.revision.revision))
    if transcript.revision.revision == answer.revision:
        # With an earlier one comes which is the newest, and that changes under the same tag.
        response.make_conditional(request)
    return response


def _written(transcript: ReadTranscript, kind: str) -> Response:
    if kind == "json":
        return jsonify(TranscriptSchema().dump(_fields(transcript)))
    return Response(transcript.written(kind), content_type=f"{CONTENT_TYPES[kind]}; charset=utf-8")


def _fields(transcript: ReadTranscript) -> dict[str, Any]:
    answer, revision = transcript.answer, transcript.revision
    heard = {name: getattr(answer, name) for name in TranscriptSchema.OF_ANSWER}
    return {
        **heard,
        "text": revision.text,
        "revision": revision.revision,
        "newest_revision": answer.revision,
        "is_edited": revision.is_edited,
        "created_at": revision.created_at,
        "segments": transcript.segments,
        "low_confidence": revision.low_confidence,
    }
