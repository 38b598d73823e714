"""Consent and retention: who agreed to what, and for how long something is kept."""

from typing import Any

from marshmallow import Schema, fields, post_load, validate

from app.schemas.sessions import LONGEST_CONSENT, as_stored_time, is_storable

MOST_DAYS = 36_500
MOST_HOURS = 87_600


class GivenConsentSchema(Schema):
    """What whoever speaks agreed to, in the words that were shown."""

    text = fields.String(required=True, validate=[validate.Length(min=1, max=LONGEST_CONSENT), is_storable])
    given_at = fields.AwareDateTime(load_default=None, metadata={"description": "Now, where it is not said."})

    @post_load
    def _as_it_is_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        given_at = data["given_at"]
        return {**data, "given_at": None if given_at is None else as_stored_time(given_at)}


class RetentionRuleSchema(Schema):
    """How long what an owner has is kept; null leaves it to the service's settings."""

    transcript_days = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(min=1, max=MOST_DAYS),
        metadata={"description": "Interviews and jobs are erased so many days after their last change."},
    )
    failed_audio_hours = fields.Integer(
        required=True,
        allow_none=True,
        strict=True,
        validate=validate.Range(min=0, max=MOST_HOURS),
        metadata={"description": "Recordings whose transcription failed or was cancelled are kept for a retry."},
    )


class RetentionSchema(RetentionRuleSchema):
    max_transcript_days = fields.Integer(
        required=True, allow_none=True, metadata={"description": "The service keeps nothing longer; null: no limit."}
    )
    max_failed_audio_hours = fields.Integer(required=True)
