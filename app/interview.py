"""The interview: upload an answer and move on, ask where answers stand, analyze."""

from typing import Any

from flask import jsonify, url_for

from app.admission import admitted
from app.auth import caller, services, session, without_transcript
from app.blueprint import Blueprint
from app.idempotency import REPLAYED, idempotent_by_itself, sent_key_value
from app.ids import checked_question_id
from app.recording import received_recording
from app.revisions import etag_of
from app.schemas.analysis import NotYetSchema, ReportSchema
from app.schemas.answers import AnswerStatusSchema, ReceiptSchema, SessionStatusSchema, UploadFormSchema
from services.analysis import AnalysisPending, TranscriptionPending
from services.answer_status import statuses_of, summary_of

blueprint = Blueprint("interview", __name__, url_prefix="/api", description="Answer questions by voice")

POLL_AFTER_SECONDS = 5


@blueprint.route("/upload-answer/<session_id>/<question_id>", methods=["POST"])
@checked_question_id
@admitted
@idempotent_by_itself
@blueprint.arguments(UploadFormSchema, location="recording")
@blueprint.response(202, ReceiptSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
@without_transcript
def upload_answer(form: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Store a recorded answer; it is transcribed in the background."""
    recording, key = received_recording(form), sent_key_value()
    receipt = services().answers.accept(session(), question_id, recording, caller().user_id, key=key)
    replayed = {REPLAYED: "true"} if receipt.is_repeat else {}
    return receipt, {**where_to_ask(session_id, question_id), **replayed}


@blueprint.route("/transcription-status/<session_id>/<question_id>")
@checked_question_id
@blueprint.response(200, AnswerStatusSchema)
@blueprint.refuses(401, 404, 422)
def answer_status(session_id: str, question_id: str) -> Any:
    """Where one answer stands; the ETag is the revision of its transcript."""
    answer = services().answers.status(session(), question_id)
    return answer, etag_of(answer)


@blueprint.route("/transcription-status/<session_id>")
@blueprint.response(200, SessionStatusSchema)
@blueprint.refuses(401, 404)
def session_status(session_id: str) -> Any:
    """Where all answers of a session stand."""
    answers, worker = statuses_of(session()), services().health.worker()
    return {
        "session_id": session_id,
        "seq": session().seq,
        "summary": summary_of(answers),
        "answers": answers,
        "whisper_model": worker.whisper_model,
        "demo_model": worker.demo_model,
    }


@blueprint.route("/analyze/<session_id>", methods=["POST"])
@blueprint.response(200, ReportSchema)
@blueprint.alt_response(202, schema=NotYetSchema, description="Not yet; try again after `Retry-After`")
@blueprint.refuses(401, 403, 404)
def analyze(session_id: str) -> Any:
    """Score the interview once every transcript is there."""
    result = services().analysis.analyze(caller(), session_id)
    if isinstance(result, TranscriptionPending | AnalysisPending):
        return jsonify(NotYetSchema().dump(result)), 202, {"Retry-After": str(result.retry_after)}
    return result


def where_to_ask(session_id: str, question_id: str) -> dict[str, str]:
    """The headers of a receipt: where the answer's status is, and when it makes sense to look."""
    status_url = url_for("interview.answer_status", session_id=session_id, question_id=question_id)
    return {"Location": status_url, "Retry-After": str(POLL_AFTER_SECONDS)}
