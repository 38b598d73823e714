"""Interviews in and out."""

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.ids import QUESTION_ID_PATTERN
from app.schemas.answers import LANGUAGE, AnswerStatusSchema
from services.models import Question

QUESTION_ID = validate.Regexp(rf"^{QUESTION_ID_PATTERN}\Z", error="Must be 1 to 64 letters, digits, '_' or '-'.")


def _is_storable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Must be valid Unicode (it holds half of a surrogate pair).") from None


def _as_stored_time(given: datetime) -> datetime:
    """UTC and milliseconds, as Mongo keeps it, so that what is answered now equals what is read later."""
    try:
        utc = given.astimezone(UTC)
    except OverflowError:
        raise ValidationError("Lies outside the calendar.", "given_at") from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _text(maximum: int, **options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(min=1, max=maximum), _is_storable], **options)


class QuestionSchema(Schema):
    id = fields.String(required=True, validate=QUESTION_ID)
    prompt = _text(2_000, required=True)
    model_answer = _text(20_000, allow_none=True)
    key_points = fields.List(_text(500), validate=validate.Length(max=50))

    @post_load
    def _as_question(self, data: dict[str, Any], **_: Any) -> Question:
        return Question(data["id"], data["prompt"], data.get("model_answer"), tuple(data.get("key_points", ())))


class ConsentSchema(Schema):
    """What the candidate agreed to, in the words that were shown."""

    text = _text(5_000, required=True)
    given_at = fields.AwareDateTime(required=True)

    @post_load
    def _as_it_is_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "given_at": _as_stored_time(data["given_at"])}


class NewSessionSchema(Schema):
    questions = fields.List(fields.Nested(QuestionSchema), required=True, validate=validate.Length(min=1, max=100))
    language = fields.String(validate=LANGUAGE, allow_none=True)
    tier = _text(64, allow_none=True)
    consent = fields.Nested(ConsentSchema, allow_none=True)


class SessionSchema(Schema):
    id = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    seq = fields.Integer(required=True)
    language = fields.String(required=True, allow_none=True)
    tier = fields.String(attribute="details.tier")
    consent = fields.Nested(ConsentSchema, attribute="details.consent")
    questions = fields.List(fields.Nested(QuestionSchema), required=True)


class StartedSessionSchema(SessionSchema):
    link = fields.Url(required=True, metadata={"description": "For the candidate; shown only now."})
    link_expires_at = fields.AwareDateTime(required=True)


class SessionDetailsSchema(SessionSchema):
    answers = fields.List(fields.Nested(AnswerStatusSchema), required=True)
    whisper_model = fields.String(allow_none=True)
    demo_model = fields.Boolean(required=True)


class PageQuerySchema(Schema):
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class SessionPageSchema(Schema):
    sessions = fields.List(fields.Nested(SessionSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})
