"""Interviews in and out."""

import unicodedata
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.ids import QUESTION_ID_PATTERN
from app.schemas.answers import LANGUAGE, AnswerStatusSchema
from services.models import Hints, Question, Task

QUESTION_ID = validate.Regexp(rf"^{QUESTION_ID_PATTERN}\Z", error="Must be 1 to 64 letters, digits, '_' or '-'.")

LONGEST_PROMPT = 1_000
LONGEST_TERM = 64
LONGEST_CONSENT = 5_000
MOST_TERMS = 100
ONLY_STAFF = "Not shown to the holder of a session's link."


def is_storable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Must be valid Unicode (it holds half of a surrogate pair).") from None


def is_a_term(text: str) -> None:
    if not text.strip() or any(unicodedata.category(each) in ("Cc", "Zl", "Zp") for each in text):
        raise ValidationError("Must be a name or term in one line, without control characters.")


def as_stored_time(given: datetime, name: str = "given_at") -> datetime:
    """UTC and milliseconds, as Mongo keeps it, so that what is answered now equals what is read later."""
    try:
        utc = given.astimezone(UTC)
    except OverflowError:
        raise ValidationError("Lies outside the calendar.", name) from None
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000)


def _text(maximum: int, **options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(min=1, max=maximum), is_storable], **options)


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

    text = _text(LONGEST_CONSENT, required=True)
    given_at = fields.AwareDateTime(required=True)
    recorded_at = fields.AwareDateTime(dump_only=True, metadata={"description": "When this service was told of it."})
    given_by = fields.String(dump_only=True, metadata={"description": "candidate, owner or admin: who told of it."})
    withdrawn_at = fields.AwareDateTime(dump_only=True, metadata={"description": "Since then no recording is taken."})

    @post_load
    def _as_it_is_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "given_at": as_stored_time(data["given_at"])}


class FeaturesSchema(Schema):
    """What was rolled out to this session when it began, which stays so; not told of sessions from before."""

    audio_answers = fields.Boolean(
        metadata={"description": "Whether it takes recordings; typed answers it always does."}
    )


class NewSessionSchema(Schema):
    questions = fields.List(fields.Nested(QuestionSchema), required=True, validate=validate.Length(min=1, max=100))
    language = fields.String(validate=LANGUAGE, allow_none=True)
    task = fields.Enum(
        Task,
        by_value=True,
        load_default=Task.TRANSCRIBE,
        metadata={"description": "`translate`: what is said in other languages is written in English."},
    )
    initial_prompt = fields.String(
        allow_none=True,
        validate=[validate.Length(min=1, max=LONGEST_PROMPT), is_storable],
        metadata={
            "description": "Text as it may have come before: sets style and spelling of what is heard.",
            "example": "An interview about Kubernetes, PostgreSQL and on-call duty.",
        },
    )
    vocabulary = fields.List(
        fields.String(validate=[validate.Length(min=1, max=LONGEST_TERM), is_storable, is_a_term]),
        allow_none=True,
        validate=validate.Length(max=MOST_TERMS),
        metadata={
            "description": "Names and terms that may be said; not shown to the candidate.",
            "example": ["Kubernetes", "Anneliese", "SLO"],
        },
    )
    tier = _text(64, allow_none=True)
    consent = fields.Nested(ConsentSchema, allow_none=True)

    @post_load
    def _with_hints(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        vocabulary = tuple(dict.fromkeys(data.get("vocabulary") or ()))
        return {**data, "hints": Hints(data.get("language"), data["task"], data.get("initial_prompt"), vocabulary)}


class SessionSchema(Schema):
    id = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    seq = fields.Integer(required=True)
    language = fields.String(required=True, allow_none=True)
    task = fields.Enum(Task, by_value=True, required=True)
    initial_prompt = fields.String(allow_none=True, metadata={"description": ONLY_STAFF})
    vocabulary = fields.List(fields.String(), metadata={"description": ONLY_STAFF})
    tier = fields.String(attribute="details.tier")
    consent = fields.Nested(ConsentSchema, attribute="details.consent")
    features = fields.Nested(FeaturesSchema, attribute="details.features")
    consent_required = fields.Boolean(
        metadata={"description": "Recordings are taken only once there is a consent. Not told in lists."}
    )
    questions = fields.List(fields.Nested(QuestionSchema), required=True)


class StartedSessionSchema(SessionSchema):
    link = fields.Url(required=True, metadata={"description": "For the candidate; shown only now."})
    link_expires_at = fields.AwareDateTime(required=True)


class SessionDetailsSchema(SessionSchema):
    submitted_at = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "Since then the link changes nothing any more."},
    )
    answers = fields.List(fields.Nested(AnswerStatusSchema), required=True)
    whisper_model = fields.String(allow_none=True)
    demo_model = fields.Boolean(required=True)


class PageQuerySchema(Schema):
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class SessionPageSchema(Schema):
    sessions = fields.List(fields.Nested(SessionSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})
