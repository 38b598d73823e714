"""What a transcript tells of a recording."""

from typing import Any, ClassVar

from marshmallow import Schema, fields, validate

from app.schemas.answers import HeardSchema, probability
from services.transcripts import KINDS

IF_NONE_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-None-Match",
    "schema": {"type": "string"},
    "description": "The ETag of a transcript that was read before: answered with 304 where it is the same revision.",
}
_EDITED = "null for a word of an edited text that was not heard so"


class TranscriptQuerySchema(Schema):
    format = fields.String(load_default="json", validate=validate.OneOf(("json", *KINDS)))
    revision = fields.Integer(
        validate=validate.Range(min=1, max=2**31), metadata={"description": "An earlier one; else the newest."}
    )


class WordSchema(Schema):
    """A word; times are seconds from the beginning of the recording."""

    start = fields.Float(required=True, allow_none=True, metadata={"description": _EDITED})
    end = fields.Float(required=True, allow_none=True, metadata={"description": _EDITED})
    text = fields.String(required=True)
    probability = probability(f"That it is right; {_EDITED}.")


class SegmentSchema(Schema):
    """A stretch of speech. The figures are the model's, and missing where a text was edited."""

    start = fields.Float(required=True)
    end = fields.Float(required=True)
    text = fields.String(required=True)
    avg_logprob = fields.Float(metadata={"description": "Mean natural log probability of its tokens."})
    no_speech_prob = fields.Float(metadata={"description": "That nobody speaks there, 0 to 1."})
    compression_ratio = fields.Float(metadata={"description": "Of its text by zlib; repetition makes it high."})
    temperature = fields.Float(metadata={"description": "Of the try that the text is from; 0 is the first."})
    words = fields.List(fields.Nested(WordSchema), required=True)


class PassageSchema(Schema):
    start = fields.Float(required=True)
    end = fields.Float(required=True)
    text = fields.String(required=True)


class TranscriptSchema(HeardSchema):
    """A text of an answer. All but text, segments and `is_edited` is of what was heard first."""

    OF_ANSWER: ClassVar[tuple[str, ...]] = (
        *("question_id", "answer_id", "language", "duration_seconds", "whisper_model", "demo_model", "transcribed_at"),
        *HeardSchema._declared_fields,
    )
    question_id = fields.String(required=True)
    answer_id = fields.String(required=True)
    text = fields.String(required=True)
    revision = fields.Integer(required=True, metadata={"description": "Also the ETag."})
    newest_revision = fields.Integer(required=True)
    is_edited = fields.Boolean(required=True)
    created_at = fields.AwareDateTime(required=True, metadata={"description": "Of this revision."})
    transcribed_at = fields.AwareDateTime(required=True, allow_none=True)
    language = fields.String(required=True, allow_none=True)
    duration_seconds = fields.Float(required=True, allow_none=True)
    segments = fields.List(fields.Nested(SegmentSchema), required=True)
    low_confidence = fields.List(
        fields.Nested(PassageSchema),
        required=True,
        metadata={"description": "What somebody should listen to again; none in a text that was edited."},
    )
    whisper_model = fields.String(required=True, allow_none=True)
    demo_model = fields.Boolean(required=True, allow_none=True)
