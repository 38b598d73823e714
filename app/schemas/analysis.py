"""What analyze says: pending, success or failed."""

from marshmallow import Schema, fields, validate

from app.schemas.answers import ScoredAnswerSchema


class NotYetSchema(Schema):
    """What is waited for: transcripts, of which it says how many, or then their scores."""

    status = fields.String(required=True, validate=validate.OneOf(["transcription_pending", "analysis_pending"]))
    message = fields.String()
    pending_count = fields.Integer()
    processing_count = fields.Integer()
    retry_after = fields.Integer(required=True, metadata={"description": "Seconds."})


class ReportSchema(Schema):
    status = fields.Function(lambda report: "success" if report.scored_count else "failed", required=True)
    final_score = fields.Float(required=True, allow_none=True, metadata={"description": "0 to 100."})
    scored_count = fields.Integer(required=True)
    failed_count = fields.Integer(required=True)
    unanswered_count = fields.Integer(required=True)
    answers = fields.List(fields.Nested(ScoredAnswerSchema), required=True)
