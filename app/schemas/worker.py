"""What workers of somebody else are shown and send, and the keys they come with."""

from marshmallow import Schema, fields, validate

from app.schemas.answers import LANGUAGE
from app.schemas.review import is_unicode
from services.models import Status
from services.outside_transcripts import LONGEST_MODEL
from services.texts import LONGEST_TRANSCRIPT
from services.worker_keys import DAYS

LONGEST_NAME = 64
MOST_DAYS = 3650


_NAME = [
    validate.Length(min=1, max=LONGEST_NAME),
    validate.Predicate("isprintable", error="Must be printable characters."),
]


class WaitingQuerySchema(Schema):
    status = fields.String(
        load_default=str(Status.QUEUED),
        validate=validate.OneOf([str(each) for each in (Status.QUEUED, Status.PROCESSING, Status.FAILED)]),
        metadata={"description": "Failed ones are those whose recording is kept."},
    )
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class WaitingAnswerSchema(Schema):
    """An answer that takes a transcript. What is said of its language is a hint."""

    answer_id = fields.String(required=True, attribute="ref.answer_id")
    session_id = fields.String(required=True, attribute="ref.session_id")
    question_id = fields.String(required=True, attribute="ref.question_id")
    status = fields.String(required=True, attribute="answer.transcription_status")
    bytes = fields.Integer(required=True, attribute="answer.bytes")
    sha256 = fields.String(required=True, attribute="answer.sha256")
    content_type = fields.String(required=True, attribute="answer.content_type")
    declared_duration_ms = fields.Integer(
        required=True, allow_none=True, attribute="answer.declared_duration_ms", dump_default=None
    )
    language = fields.String(required=True, allow_none=True, attribute="hinted_language")
    created_at = fields.AwareDateTime(required=True, attribute="answer.created_at")


class WaitingPageSchema(Schema):
    answers = fields.List(fields.Nested(WaitingAnswerSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class OutsideTextSchema(Schema):
    """What was heard in the whole recording; empty where nothing was said."""

    text = fields.String(required=True, validate=[validate.Length(max=LONGEST_TRANSCRIPT), is_unicode])
    whisper_model = fields.String(
        required=True,
        validate=[validate.Length(min=1, max=LONGEST_MODEL), is_unicode],
        metadata={"description": "Whatever heard it, by its name."},
    )
    language = fields.String(validate=LANGUAGE)


class WorkerKeySchema(Schema):
    key_id = fields.String(required=True)
    owner_id = fields.String(required=True, metadata={"description": "Whose answers it is for."})
    name = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    created_by = fields.String(required=True)
    expires_at = fields.AwareDateTime(required=True)


class MadeWorkerKeySchema(WorkerKeySchema):
    key = fields.String(required=True, metadata={"description": "The secret itself. It is shown only now."})


class NewWorkerKeySchema(Schema):
    owner_id = fields.String(required=True, validate=_NAME)
    name = fields.String(required=True, validate=_NAME, metadata={"description": "For people: which worker has it."})
    days = fields.Integer(load_default=DAYS, strict=True, validate=validate.Range(min=1, max=MOST_DAYS))


class WorkerKeyQuerySchema(Schema):
    owner_id = fields.String(validate=_NAME)


class WorkerKeyListSchema(Schema):
    keys = fields.List(fields.Nested(WorkerKeySchema), required=True)
