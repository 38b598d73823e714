"""The stages of an interview in mentors' clients' words."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate, validates_schema

from app.schemas.answers import AnswerErrorSchema
from app.schemas.uploads import DURATION_MS, UploadIntentSchema
from services.mentor import PLACEHOLDER, MentorStatus
from services.outside_transcripts import LONGEST_MODEL
from services.texts import LONGEST_TEXT, LONGEST_TRANSCRIPT

_STATUSES = [str(each) for each in MentorStatus]
_BEFORE_SUBMISSION = [str(MentorStatus.PENDING), str(MentorStatus.TRANSCRIBED)]

STAGE_ID: dict[str, Any] = {
    "in": "path",
    "name": "stage_id",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
    "description": "The position of the question in the interview, from 1.",
}
IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "description": "The ETag of the revision that was edited: where another is there, 412. Without it, any is.",
}
LAST_EVENT_ID: dict[str, Any] = {
    "in": "header",
    "name": "Last-Event-ID",
    "schema": {"type": "string"},
    "description": "The id of the last event that was heard: what has changed since is told, and nothing else.",
}


def _text(maximum: int, **options: Any) -> fields.String:
    return fields.String(validate=validate.Length(max=maximum), **options)


def _without_nulls(data: Any) -> Any:
    return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


class MentorUploadSchema(UploadIntentSchema):
    """The recording of one stage that an address is wanted for, by the interview's token or by a bearer."""

    class Meta:
        exclude = ("question_id",)

    session_id = fields.String(
        validate=validate.Regexp(r"^[\x20-\x7e]*\Z"), metadata={"description": "With a bearer, in place of `token`."}
    )
    token = _text(500, load_only=True, metadata={"description": "The token of the interview's link."})
    stage_id = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=2**31))

    @validates_schema
    def _names_one_interview(self, data: dict[str, Any], **_: Any) -> None:
        if ("token" in data) == ("session_id" in data):
            raise ValidationError("Send either the interview's `token`, or a bearer and `session_id`.", "session_id")


class MentorUploadUrlSchema(Schema):
    """Where to PUT exactly that recording, once, with no other credential, and what it is called afterwards."""

    url = fields.Url(required=True)
    upload_url = fields.Url(required=True, metadata={"description": "The same as `url`."})
    method = fields.Constant("PUT")
    audio_url = fields.Url(required=True, metadata={"description": "What the stage's response is posted with."})
    object_key = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class NewResponseSchema(Schema):
    """The answer to a stage: a recording that was uploaded, or a text."""

    audio_url = _text(
        2_000, allow_none=True, metadata={"description": "As `POST /api/upload-url` gave it; nothing else is fetched."}
    )
    response_text = _text(LONGEST_TEXT, allow_none=True, metadata={"description": "A typed answer."})
    duration_ms = fields.Float(
        allow_none=True,
        allow_nan=False,
        validate=DURATION_MS,
        metadata={"description": "How long the recording is; of no use with a text."},
    )
    status = fields.String(
        allow_none=True,
        validate=validate.OneOf(_BEFORE_SUBMISSION),
        metadata={"description": "For a recording: `pending`."},
    )
    whisper_model = _text(
        LONGEST_MODEL, allow_none=True, metadata={"description": "Not kept: who has heard it says by what."}
    )

    @pre_load
    def _without_nothing(self, data: Any, **_: Any) -> Any:
        """Clients send all of their fields: null where there is nothing, or an empty text beside the other one."""
        said = _without_nulls(data)
        if not isinstance(said, dict):
            return said
        for empty, other in (("response_text", "audio_url"), ("audio_url", "response_text")):
            if said.get(empty) == "" and said.get(other):
                del said[empty]
        return said

    @validates_schema
    def _is_one_answer(self, data: dict[str, Any], **_: Any) -> None:
        if ("audio_url" in data) == ("response_text" in data):
            raise ValidationError("Send either `audio_url` or `response_text`.", "response_text")
        if "audio_url" in data and data.get("status", MentorStatus.PENDING) != MentorStatus.PENDING:
            raise ValidationError("A recording is `pending` until it is transcribed.", "status")


class ChangedResponseSchema(Schema):
    """The mentor's edit; or with a worker's key what it has heard."""

    response_text = _text(LONGEST_TRANSCRIPT, allow_none=True)
    text = _text(LONGEST_TRANSCRIPT, allow_none=True, metadata={"description": "The same as `response_text`."})
    status = fields.String(
        allow_none=True, validate=validate.Equal("transcribed"), metadata={"description": "A worker's."}
    )
    whisper_model = _text(LONGEST_MODEL, allow_none=True, metadata={"description": "A worker's."})
    answer_id = _text(
        64, allow_none=True, metadata={"description": "A worker's: the take it has heard. Another one there is 404."}
    )

    @pre_load
    def _without_nothing(self, data: Any, **_: Any) -> Any:
        """As above: a field that is null was not sent."""
        return _without_nulls(data)

    @validates_schema
    def _is_one_text(self, data: dict[str, Any], **_: Any) -> None:
        if ("text" in data) == ("response_text" in data):
            raise ValidationError("Send either `response_text` or `text`.", "response_text")


class StageProgressSchema(Schema):
    """Where an answered stage stands."""

    stage_id = fields.Integer(required=True)
    question_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(_STATUSES))
    duration_ms = fields.Integer(required=True, allow_none=True)
    error = fields.Nested(
        AnswerErrorSchema,
        required=True,
        allow_none=True,
        metadata={"description": "Why a pending answer gets no transcript any more, unless it is given again."},
    )


class StageStatusSchema(StageProgressSchema):
    """The same for whoever waits for one answer."""

    percent = fields.Integer(required=True, metadata={"minimum": 0, "maximum": 100})
    eta_seconds = fields.Float(required=True, allow_none=True)


class ResponseSchema(StageProgressSchema):
    """The answer to a stage."""

    answer_id = fields.String(required=True, metadata={"description": "Of this take: another one has another."})
    kind = fields.String(required=True, metadata={"description": "`audio` or `text`."})
    response_text = fields.String(required=True, allow_none=True, metadata={"description": "Null while it is pending."})
    audio_url = fields.Url(
        required=True,
        allow_none=True,
        metadata={"description": "Of a recording that was uploaded by such an address, while it is kept."},
    )
    whisper_model = fields.String(required=True, allow_none=True)
    revision = fields.Integer(required=True, allow_none=True, metadata={"description": "Of the text; the ETag."})
    no_speech = fields.Boolean(required=True, allow_none=True)
    needs_review = fields.Boolean(required=True, allow_none=True)


class ReviewedStageSchema(ResponseSchema):
    """A stage in the review: also one without an answer, and with a text also where there is no transcript."""

    prompt = fields.String(required=True)
    is_answered = fields.Boolean(required=True)
    is_placeholder = fields.Boolean(required=True, metadata={"description": "`response_text` is not the mentor's."})
    status = fields.String(required=True, allow_none=True, validate=validate.OneOf(_STATUSES))
    answer_id = fields.String(required=True, allow_none=True)
    kind = fields.String(required=True, allow_none=True)
    response_text = fields.String(
        required=True, allow_none=True, metadata={"description": f"While it is waited for: “{PLACEHOLDER}”."}
    )


class ReviewSchema(Schema):
    """Every stage of the interview."""

    session_id = fields.String(required=True)
    is_submitted = fields.Boolean(required=True)
    submitted_at = fields.AwareDateTime(required=True, allow_none=True)
    pending_count = fields.Integer(required=True, metadata={"description": "How many transcripts are still to come."})
    responses = fields.List(fields.Nested(ReviewedStageSchema), required=True)


class SubmittedSchema(Schema):
    """The interview is submitted; a repeat is told the same."""

    status = fields.Constant("submitted")
    submitted_at = fields.AwareDateTime(required=True)
