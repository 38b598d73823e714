"""The call that waits for its text: what an earlier client does for each recording, kept so that it can go back."""

from typing import Any

from flask import Flask, current_app

from app.auth import services
from app.blueprint import Blueprint
from app.idempotency import idempotent_by_itself
from app.jobs import where_to_ask
from app.places import Places
from app.schemas.jobs import JobFormSchema, SpokenTextSchema
from app.streamed_upload import accepted_job, streamed_upload
from services.answer_status import AnswerStatus
from services.errors import InvalidRequest, Unavailable
from services.models import Status
from services.waiting import wait_for_end

blueprint = Blueprint("speech_to_text", __name__, url_prefix="/api/files/speech", description="Wait for the text")

WAIT_SECONDS = 60.0
RETRY_AFTER_SECONDS = 5
# Of the threads of a process one in so many may wait: the others take recordings in and answer.
THREADS_A_PLACE = 4


class StillTranscribing(Unavailable):
    """Raised when the text took longer than a call may wait; the job goes on, and can be asked for."""

    code = "still_transcribing"

    def __init__(self, job_id: str) -> None:
        message = "The transcript takes longer. Ask for the job, or send the same again with its Idempotency-Key."
        super().__init__(message, retry_after_seconds=RETRY_AFTER_SECONDS)
        self.members = {"job_id": job_id, "job": where_to_ask(job_id)["Location"]}


class NotHeard(InvalidRequest):
    """Raised when a recording ended without a transcript."""

    def __init__(self, job_id: str, answer: AnswerStatus) -> None:
        error = answer.error or {"code": "cancelled", "message": "The transcription was cancelled."}
        super().__init__(error["message"], code=error["code"])
        self.members = {"job_id": job_id}


def install(app: Flask, *, web_threads: int) -> None:
    """Set how many calls may wait at once: each holds a thread."""
    places = max(1, web_threads // THREADS_A_PLACE)
    app.extensions["parley_waiting"] = Places(places, places)
    app.config.setdefault("SPEECH_TO_TEXT_SECONDS", WAIT_SECONDS)


@blueprint.route("/stt", methods=["POST"])
@streamed_upload(limit="MAX_RECORDING_BYTES")
@idempotent_by_itself
@blueprint.arguments(JobFormSchema, location="recording")
@blueprint.response(200, SpokenTextSchema)
@blueprint.refuses(400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)
def hear(form: dict[str, Any]) -> Any:
    """Transcribe a recording and wait for its text, a minute at most; 503 names the job that goes on."""
    job_id, _ = accepted_job(form)
    answer = _waited_for(job_id)
    if answer is None:
        raise StillTranscribing(job_id)
    if answer.status is not Status.COMPLETED:
        raise NotHeard(job_id, answer)
    return {"text": answer.transcript, "job_id": job_id}


def _waited_for(job_id: str) -> AnswerStatus | None:
    """None also where too many wait already: the recording is taken in, and its text can be asked for."""
    places: Places = current_app.extensions["parley_waiting"]
    if not places.take(job_id):
        return None
    try:
        return wait_for_end(services().live, job_id, seconds=current_app.config["SPEECH_TO_TEXT_SECONDS"])
    finally:
        places.give_back(job_id)
