"""Figures by which models are compared."""

from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import Schema, fields, post_load, validate

from app.schemas.sessions import as_stored_time

DAYS = 30


class QualityQuerySchema(Schema):
    since = fields.AwareDateTime(
        default_timezone=UTC, metadata={"description": f"RFC 3339; else the last {DAYS} days."}
    )
    whisper_model = fields.String(validate=validate.Length(min=1, max=200))

    @post_load
    def _since(self, query: dict[str, Any], **_: Any) -> dict[str, Any]:
        since = query.get("since", datetime.now(UTC) - timedelta(days=DAYS))
        return {**query, "since": as_stored_time(since, "since")}


class ModelQualitySchema(Schema):
    whisper_model = fields.String(required=True)
    transcripts = fields.Integer(required=True, metadata={"description": "That it heard and that are still there."})
    ratings = fields.Integer(required=True)
    mean_stars = fields.Float(required=True, allow_none=True)
    error_reports = fields.Integer(required=True)
    corrected = fields.Integer(required=True, metadata={"description": "Transcripts whose newest text is an edit."})
    rewritten = fields.Integer(
        required=True, metadata={"description": "Edits that share hardly a word with what was heard: in no rate."}
    )
    wer = fields.Float(
        required=True,
        allow_none=True,
        metadata={
            "description": "Wrong words of the corrected transcripts over their words. People correct what is wrong: "
            "it tells models apart, and is higher than the rate over all speech."
        },
    )
    word_errors = fields.Integer(required=True)
    words = fields.Integer(required=True)


class QualitySchema(Schema):
    since = fields.AwareDateTime(required=True)
    normalisation = fields.String(required=True, metadata={"description": "How words are compared."})
    models = fields.List(fields.Nested(ModelQualitySchema), required=True)
