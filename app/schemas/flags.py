"""Feature flags in and out."""

from marshmallow import Schema, ValidationError, fields, validate

from config.flags import is_percent


def _is_a_step(percent: float) -> None:
    if not is_percent(percent):
        raise ValidationError("Must have two decimals at most.")


class PercentSchema(Schema):
    percent = fields.Float(
        required=True,
        validate=[validate.Range(min=0, max=100), _is_a_step],
        metadata={"description": "The share of all sessions; 0 switches it off."},
    )


class FlagSchema(Schema):
    name = fields.String(required=True)
    percent = fields.Float(required=True)
    default_percent = fields.Float(required=True, metadata={"description": "What the environment says."})
    changed_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "When an admin set another percentage."}
    )


class FlagsSchema(Schema):
    flags = fields.List(fields.Nested(FlagSchema), required=True)
