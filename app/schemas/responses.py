"""Responses to questions: typed, or recorded and sent by a signed address."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from app.schemas.answers import LANGUAGE, AnswerErrorSchema, HeardSchema
from app.schemas.review import is_unicode
from app.schemas.sessions import QUESTION_ID
from app.schemas.uploads import DURATION_MS, OBJECT_KEY
from services.models import Status
from services.responses import STATES
from services.texts import LONGEST_TEXT

TEXT, AUDIO = "text", "audio_transcript"
_OF_TEXT = ("response_text",)
_OF_AUDIO = ("object_key", "duration_ms", "language")


def _has_letters(text: str) -> None:
    if not text.strip():
        raise ValidationError("Cannot be empty.")


class NewSessionResponseSchema(Schema):
    """Either a text, or an upload that is to be transcribed: each with its own fields, and none of the other's."""

    question_id = fields.String(required=True, validate=QUESTION_ID)
    type = fields.String(required=True, validate=validate.OneOf((TEXT, AUDIO)))
    response_text = fields.String(
        validate=[validate.Length(max=LONGEST_TEXT), is_unicode, _has_letters],
        metadata={"description": "With type `text`: the answer, kept as it is."},
    )
    object_key = fields.String(
        validate=OBJECT_KEY,
        metadata={"description": "With type `audio_transcript`: of an upload by a signed address."},
    )
    duration_ms = fields.Integer(strict=True, validate=DURATION_MS)
    language = fields.String(validate=LANGUAGE)

    @validates_schema(skip_on_field_errors=False)
    def check_combination(self, body: dict[str, Any], **_: Any) -> None:
        kind = body.get("type")
        if kind not in (TEXT, AUDIO):
            return
        needed, foreign = ("response_text", _OF_AUDIO) if kind == TEXT else ("object_key", _OF_TEXT)
        wrong = {name: [f"Is not for a response of type '{kind}'."] for name in foreign if name in body}
        if needed not in body:
            wrong[needed] = [f"Is needed for a response of type '{kind}'."]
        if wrong:
            raise ValidationError(wrong)


class ResponseAudioSchema(Schema):
    file_id = fields.String(
        required=True, allow_none=True, metadata={"description": "null once the recording is deleted."}
    )
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    content_type = fields.String(required=True)
    duration_ms = fields.Integer(
        required=True, allow_none=True, metadata={"description": "As it was heard, else as it was declared."}
    )


class ResponseTranscriptSchema(HeardSchema):
    """How good the transcript is; `needs_review` asks a person to look at it."""

    language = fields.String(required=True, allow_none=True)
    no_speech = fields.Boolean(required=True, allow_none=True)
    duration_seconds = fields.Float(required=True, allow_none=True)
    whisper_model = fields.String(required=True, allow_none=True)
    transcribed_at = fields.AwareDateTime(required=True, allow_none=True)


class SessionResponseSchema(Schema):
    question_id = fields.String(required=True, attribute="answer.question_id")
    answer_id = fields.String(required=True, attribute="answer.answer_id")
    type = fields.String(required=True, metadata={"enum": [TEXT, AUDIO]})
    response_text = fields.String(
        required=True,
        allow_none=True,
        attribute="answer.transcript",
        metadata={"description": "As it was typed, heard or last edited; null while it is waited for."},
    )
    status = fields.Enum(Status, by_value=True, required=True, attribute="answer.status")
    state = fields.String(
        required=True,
        metadata={"enum": sorted(set(STATES.values())), "description": "The same as `status`, in other words."},
    )
    revision = fields.Integer(required=True, allow_none=True, attribute="answer.revision")
    edited = fields.Boolean(required=True)
    audio = fields.Nested(ResponseAudioSchema, required=True, allow_none=True)
    transcript = fields.Nested(
        ResponseTranscriptSchema, required=True, allow_none=True, metadata={"description": "null for a typed one."}
    )
    error = fields.Nested(AnswerErrorSchema, required=True, allow_none=True, attribute="answer.error")
    attempts = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True, allow_none=True, attribute="answer.created_at")


class SessionResponseListSchema(Schema):
    session_id = fields.String(required=True)
    responses = fields.List(fields.Nested(SessionResponseSchema), required=True)
