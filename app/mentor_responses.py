"""The answers of a mentor interview: each is given and left at once, and transcribed in the background."""

from collections.abc import Mapping
from typing import Any

from flask import request, url_for

from app.auth import caller, services, session
from app.blueprint import Blueprint
from app.idempotency import idempotent, sent_key_value
from app.revisions import etag_of, expected_revision
from app.schemas.mentor import (
    IF_MATCH,
    STAGE_ID,
    ChangedResponseSchema,
    NewResponseSchema,
    ResponseSchema,
    StageStatusSchema,
)
from app.stages import at_stage, progress_of, response_of, stage
from app.uploads import object_key_of
from services.errors import Unauthorized
from services.mentor import require_no_placeholder, stage_of
from services.models import WORKER
from services.outside_transcripts import OutsideText

blueprint = Blueprint(
    "mentor_responses", __name__, url_prefix="/api/mentor-interview/<token>", description="Interviews of mentors"
)

# As often as those clients ask who wait for the last answer.
POLL_AFTER_SECONDS = 2
PATH = "/response/<stage_id>"
# What only a worker says.
_OF_WORKERS = frozenset({"status", "whisper_model", "answer_id"})


@blueprint.route(PATH, methods=["POST"], parameters=[STAGE_ID])
@at_stage
@idempotent(repeats_safely=True)
@blueprint.arguments(NewResponseSchema)
@blueprint.response(202, ResponseSchema)
@blueprint.alt_response(201, schema=ResponseSchema, description="A typed answer: there is nothing to wait for")
@blueprint.refuses(400, 401, 403, 404, 409, 413, 415, 422)
@blueprint.doc(security=[])
def respond(body: dict[str, Any]) -> Any:
    """Answer a stage, or answer it again: with a recording that was uploaded, or in writing. Nothing is waited for."""
    services().submission.require_open(session())
    if "response_text" in body:
        _take_text(body["response_text"])
        told, tag = _as_it_is_now()
        return told, 201, tag
    _take_recording(object_key_of(body["audio_url"]), body.get("duration_ms"))
    status_url = url_for("mentor_responses.response_status", **(request.view_args or {}))
    return _as_it_is_now()[0], 202, {"Location": status_url, "Retry-After": str(POLL_AFTER_SECONDS)}


@blueprint.route(PATH, parameters=[STAGE_ID])
@at_stage
@blueprint.response(200, ResponseSchema)
@blueprint.refuses(401, 404)
@blueprint.doc(security=[])
def read_response() -> Any:
    """The answer to a stage; the ETag is the revision of its text."""
    return response_of(stage()), etag_of(stage().require_answer())


@blueprint.route(PATH, methods=["PATCH"], parameters=[STAGE_ID, IF_MATCH])
@at_stage
@blueprint.arguments(ChangedResponseSchema)
@blueprint.response(200, ResponseSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 412, 413, 415, 422)
@blueprint.doc(security=[{}, {"bearer": []}])
def change_response(body: dict[str, Any]) -> Any:
    """Edit the text of an answer; or, with a worker's key as the bearer, write the transcript that is waited for."""
    text = body["response_text"] if "response_text" in body else body["text"]
    if caller().role == WORKER:
        heard, asked = OutsideText(text, body.get("whisper_model")), stage().question.id
        services().outside_transcripts.write(caller(), session(), asked, heard, answer_id=body.get("answer_id"))
    else:
        _edit(text, body)
    return _as_it_is_now()


@blueprint.route(f"{PATH}/status", parameters=[STAGE_ID])
@at_stage
@blueprint.response(200, StageStatusSchema)
@blueprint.refuses(401, 404)
@blueprint.doc(security=[])
def response_status() -> Any:
    """Where one answer stands; `Retry-After` says when to ask again, while its transcript is waited for."""
    answer = stage().require_answer()
    told = {**progress_of(stage()), "percent": answer.percent, "eta_seconds": answer.eta_seconds}
    return told, {"Retry-After": str(POLL_AFTER_SECONDS)} if stage().is_waited_for else {}


def _take_text(text: str) -> None:
    require_no_placeholder(text)
    before = stage().answer
    if before is not None and (before.kind, before.transcript) == ("text", text):
        # Clients save what is typed more than once.
        return
    question_id = stage().question.id
    services().typed_answers.accept(session(), question_id, text, caller().user_id, key=sent_key_value())


def _take_recording(object_key: str, duration_ms: float | None) -> None:
    before = stage().answer
    if before is None or before.object_key != object_key:
        # Its bytes were counted when they came in.
        services().admission.check(session().owner_id, 0)
    declared = None if duration_ms is None else round(duration_ms)
    services().signed_uploads.use(
        session(), stage().question.id, object_key, caller().user_id, declared_duration_ms=declared
    )


def _edit(text: str, body: Mapping[str, Any]) -> None:
    if body.keys() & _OF_WORKERS:
        # Else a transcript whose worker forgot its key would count as the mentor's own words.
        raise Unauthorized("A worker shows its key: `Authorization: Bearer …`.", code="worker_key_required")
    require_no_placeholder(text)
    revision = expected_revision(stage().require_answer()) if request.headers.get("If-Match") else None
    services().review.edit_transcript(caller(), session(), stage().question.id, text, revision)


def _as_it_is_now() -> tuple[dict[str, Any], dict[str, str]]:
    """The answer with its ETag."""
    found = stage_of(services().sessions.get(caller(), session().id), stage().stage_id)
    return response_of(found), etag_of(found.require_answer())
