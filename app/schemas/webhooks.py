"""Webhooks: endpoints and deliveries, and the document that an endpoint receives."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from app.schemas.sessions import as_stored_time, is_storable
from services.models import Status
from services.storage.outbox import EVENT_TYPES
from services.webhook_addresses import LONGEST_URL
from services.webhooks import OLD_SECRET_HOURS, TEST_TYPE, Reason

LONGEST_DESCRIPTION = 200
_URL = {"description": "https, to a host of the internet.", "example": "https://example.com/parley"}
_EVENTS = {"description": "The types it hears of; an empty list is all of them."}


def _url(**options: Any) -> fields.String:
    return fields.String(validate=validate.Length(min=1, max=LONGEST_URL), metadata=_URL, **options)


def _events(**options: Any) -> fields.List[str]:
    return fields.List(
        fields.String(validate=validate.OneOf(EVENT_TYPES)),
        validate=validate.Length(max=len(EVENT_TYPES)),
        metadata=_EVENTS,
        **options,
    )


def _description(**options: Any) -> fields.String:
    return fields.String(validate=[validate.Length(max=LONGEST_DESCRIPTION), is_storable], **options)


class NewWebhookSchema(Schema):
    url = _url(required=True)
    events = _events(load_default=[])
    description = _description(load_default="")


class WebhookChangeSchema(Schema):
    """Only what is named changes."""

    url = _url()
    events = _events()
    description = _description()
    is_enabled = fields.Boolean()

    @validates_schema
    def _says_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Say what is to be changed.")


class DisabledSchema(Schema):
    reason = fields.String(
        required=True,
        validate=validate.OneOf([str(each) for each in Reason]),
        metadata={"description": "by_owner; gone: it answered 410; failing: five days long nothing was delivered."},
    )
    at = fields.AwareDateTime(required=True)


class WebhookSchema(Schema):
    id = fields.String(required=True)
    url = fields.String(required=True)
    events = _events(required=True)
    description = fields.String(required=True)
    created_at = fields.AwareDateTime(required=True)
    is_enabled = fields.Boolean(
        required=True, metadata={"description": "False: nothing is sent, and `disabled` says why."}
    )
    is_ready = fields.Boolean(
        required=True,
        metadata={
            "description": "False for moments, while many sessions from before it are made to tell of themselves."
        },
    )
    disabled = fields.Nested(DisabledSchema, required=True, allow_none=True)
    failing_since = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Since then no delivery has succeeded."}
    )
    paused_until = fields.AwareDateTime(
        required=True,
        allow_none=True,
        metadata={"description": "It asked to be left alone (Retry-After): nothing is sent before, tests neither."},
    )


class WebhookPageSchema(Schema):
    webhooks = fields.List(fields.Nested(WebhookSchema), required=True)


class WebhookWithSecretSchema(WebhookSchema):
    secret = fields.String(
        required=True,
        metadata={
            "description": "What signatures are checked with; shown only now. One that it replaces stays valid for "
            f"{OLD_SECRET_HOURS} hours."
        },
    )


class DeliveryQuerySchema(Schema):
    status = fields.Enum(Status, by_value=True)
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class DeliveryErrorSchema(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True)


class DeliverySchema(Schema):
    id = fields.String(required=True, metadata={"description": "The `webhook-id` of every attempt."})
    type = fields.String(required=True, validate=validate.OneOf((*EVENT_TYPES, TEST_TYPE)))
    status = fields.Enum(Status, by_value=True, required=True)
    attempts = fields.Integer(required=True, metadata={"description": "Since it was made, or replayed last."})
    replays = fields.Integer(required=True)
    event_at = fields.AwareDateTime(required=True)
    created_at = fields.AwareDateTime(required=True)
    attempted_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When the last attempt began."}
    )
    next_attempt_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "Null where it is tried as soon as can be, or ended."}
    )
    ended_at = fields.AwareDateTime(required=True, allow_none=True)
    response_status = fields.Integer(required=True, allow_none=True)
    response_seconds = fields.Float(required=True, allow_none=True)
    error = fields.Nested(DeliveryErrorSchema, required=True, allow_none=True)


class DeliveryPageSchema(Schema):
    deliveries = fields.List(fields.Nested(DeliverySchema), required=True)
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class ReplaySchema(Schema):
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(metadata={"description": "Now, if it is not said."})

    @post_load
    def _as_utc(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: as_stored_time(at, name) for name, at in data.items()}


class ReplayedSchema(Schema):
    replayed = fields.Integer(required=True)
    has_more = fields.Boolean(required=True, metadata={"description": "Ask again for the rest."})
