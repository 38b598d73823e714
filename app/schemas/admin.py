"""What operators ask for, and what they are told: everything about answers but what was said."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.administration import MARKED_FAILED, MOST_AT_ONCE
from services.models import Status

ID = validate.Regexp(r"^[0-9a-f]{24}\Z", error="Must be an id of ours.")
CODE = validate.Regexp(r"^[a-z0-9_]{1,64}\Z", error="Must be a code such as 'poison'.")
LISTED = tuple(str(each) for each in Status if each is not Status.COMPLETED)


class AnswerQuerySchema(Schema):
    status = fields.String(load_default=str(Status.FAILED), validate=validate.OneOf(LISTED))
    code = fields.String(validate=CODE)
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class ListedAnswerSchema(Schema):
    session_id = fields.String(required=True)
    question_id = fields.String(required=True)
    answer_id = fields.String(required=True)
    owner_id = fields.String(required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    code = fields.String(required=True, allow_none=True)
    message = fields.String(required=True, allow_none=True)
    attempts = fields.Integer(required=True)
    crashes = fields.Integer(required=True)
    accepted_at = fields.AwareDateTime(required=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    request_id = fields.String(
        required=True, allow_none=True, metadata={"description": "Of the upload: leads to its lines in the log."}
    )
    can_retry = fields.Boolean(required=True)
    retained_until = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "How long the recording is kept for a retry."}
    )


class AnswerPageSchema(Schema):
    answers = fields.List(fields.Nested(ListedAnswerSchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class FailSchema(Schema):
    message = fields.String(
        load_default=MARKED_FAILED,
        validate=validate.Length(min=1, max=500),
        metadata={"description": "What the answer's owner reads (only for `fail`)."},
    )


class WhichSchema(FailSchema):
    """Either answers by their ids, or those with a status (and a code)."""

    answer_ids = fields.List(fields.String(validate=ID), validate=validate.Length(min=1, max=MOST_AT_ONCE))
    status = fields.String(validate=validate.OneOf(LISTED))
    code = fields.String(validate=CODE)
    cursor = fields.String(validate=validate.Length(max=200), metadata={"description": "`next` of the call before."})
    limit = fields.Integer(load_default=MOST_AT_ONCE, validate=validate.Range(min=1, max=MOST_AT_ONCE))

    @validates_schema
    def _is_one_of_both(self, data: dict[str, Any], **_: Any) -> None:
        if ("answer_ids" in data) == ("status" in data):
            raise ValidationError("Say either `answer_ids` or `status`.")


class OutcomeSchema(Schema):
    answer_id = fields.String(required=True)
    outcome = fields.String(required=True, metadata={"description": '"done", or the code of why not.'})
    message = fields.String(required=True, allow_none=True)


class OutcomesSchema(Schema):
    done = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    outcomes = fields.List(fields.Nested(OutcomeSchema), required=True)
    remaining = fields.Integer(required=True, metadata={"description": "What the filter finds beyond these."})
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor that leads there."})


class QueueSchema(Schema):
    queued = fields.Integer(required=True)
    processing = fields.Integer(required=True)
    oldest_at = fields.AwareDateTime(required=True, allow_none=True)
    audio_seconds = fields.Float(required=True, metadata={"description": "As declared by the senders."})
    unknown_length = fields.Integer(required=True, metadata={"description": "Answers without a declared duration."})
    failed_by_code = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class SweptSchema(Schema):
    sent = fields.Integer(required=True, metadata={"description": "Answers sent to the workers again."})
    erasures = fields.Integer(required=True, metadata={"description": "Erasures that were looked after."})
    replaced = fields.Integer(required=True, metadata={"description": "Replaced answers whose transcripts went."})
    expired = fields.Integer(required=True, metadata={"description": "Sessions erased because their time was over."})
    events = fields.Integer(required=True, metadata={"description": "Deliveries made of events that were left."})
    feedback = fields.Integer(required=True, metadata={"description": "Sent to the workers again."})
    webhooks = fields.Integer(required=True, metadata={"description": "Deliveries sent to the workers again."})
    searchable = fields.Integer(required=True, metadata={"description": "Sessions from before search, looked at."})


class AuditQuerySchema(Schema):
    session_id = fields.String(validate=validate.Length(max=64))
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class AuditRowSchema(Schema):
    id = fields.String(required=True)
    at = fields.AwareDateTime(required=True)
    action = fields.String(required=True)
    actor_id = fields.String(required=True)
    actor_role = fields.String(required=True)
    session_id = fields.String(required=True, allow_none=True)
    owner_id = fields.String(required=True, allow_none=True)
    details = fields.Dict(required=True)


class AuditPageSchema(Schema):
    rows = fields.List(fields.Nested(AuditRowSchema), required=True)
    next = fields.String(required=True, allow_none=True)
