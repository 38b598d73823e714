"""What is said of feedback: where it stands, and the reports. Status and metadata speak the clients' camelCase."""

from marshmallow import Schema, fields, validate

from app.schemas.answers import AnswerErrorSchema, FeedbackPartSchema
from services.models import Status

JOB_STATUSES = [str(status) for status in Status if status is not Status.CANCELLED]


class LastErrorSchema(AnswerErrorSchema):
    requestId = fields.String(allow_none=True, metadata={"description": "For whoever looks into it."})  # noqa: N815


class FeedbackStatusSchema(Schema):
    sessionId = fields.String(attribute="job.session_id", required=True)  # noqa: N815
    status = fields.String(attribute="job.status", required=True, validate=validate.OneOf(JOB_STATUSES))
    attempts = fields.Integer(attribute="job.attempts", required=True)
    maxAttempts = fields.Integer(attribute="max_attempts", required=True)  # noqa: N815
    lastError = fields.Nested(LastErrorSchema, attribute="last_error", required=True, allow_none=True)  # noqa: N815
    startedAt = fields.AwareDateTime(attribute="job.started_at", required=True, allow_none=True)  # noqa: N815
    completedAt = fields.AwareDateTime(attribute="job.completed_at", required=True, allow_none=True)  # noqa: N815
    nextAttemptAt = fields.AwareDateTime(  # noqa: N815
        attribute="next_attempt_at",
        required=True,
        allow_none=True,
        metadata={"description": "After an attempt that failed; null where none is waited for."},
    )
    retryAfter = fields.Integer(  # noqa: N815
        attribute="retry_after",
        required=True,
        allow_none=True,
        metadata={"description": "Seconds until it makes sense to ask again; null once it has ended."},
    )
    waitingForTranscripts = fields.Integer(  # noqa: N815
        attribute="waiting_for_transcripts",
        required=True,
        metadata={"description": "How many transcripts are missing: nothing is scored before."},
    )


class TokenUsageSchema(Schema):
    promptTokens = fields.Integer(attribute="prompt_tokens", required=True)  # noqa: N815
    completionTokens = fields.Integer(attribute="completion_tokens", required=True)  # noqa: N815
    totalTokens = fields.Function(  # noqa: N815
        lambda usage: usage["prompt_tokens"] + usage["completion_tokens"], required=True, metadata={"type": "integer"}
    )


class FallbackSchema(Schema):
    provider = fields.String(required=True, metadata={"description": "Which one should have scored."})
    reason = fields.String(required=True, metadata={"description": "The code of why it did not."})


class FeedbackMetadataSchema(Schema):
    """How a score came about; of a whole report `mixed` where its answers differ, and sums."""

    provider = fields.String(required=True)
    model = fields.String(required=True, allow_none=True)
    latency = fields.Integer(attribute="latency_ms", required=True, metadata={"description": "Milliseconds."})
    promptVersion = fields.String(attribute="prompt_version", required=True, allow_none=True)  # noqa: N815
    tokenUsage = fields.Nested(TokenUsageSchema, attribute="token_usage", required=True, allow_none=True)  # noqa: N815
    fallback = fields.Nested(FallbackSchema, required=True, allow_none=True)


class ReportedAnswerSchema(Schema):
    question_id = fields.String(required=True)
    answer_id = fields.String(required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    revision = fields.Integer(required=True, allow_none=True, metadata={"description": "Of the text that was scored."})
    score = fields.Float(required=True, allow_none=True, metadata={"description": "0 to 100."})
    feedback = fields.List(fields.Nested(FeedbackPartSchema), required=True, allow_none=True)
    metadata = fields.Nested(FeedbackMetadataSchema, required=True, allow_none=True)
    stale = fields.Boolean(attribute="is_stale", required=True)


class ReportHeadSchema(Schema):
    report = fields.Integer(
        attribute="number", required=True, metadata={"description": "From 1 on; 0 from before they were kept."}
    )
    created_at = fields.AwareDateTime(required=True)
    status = fields.Function(
        lambda report: "success" if report.scored_count else "failed",
        required=True,
        metadata={"type": "string", "enum": ["success", "failed"], "description": "failed: nothing to score."},
    )
    stale = fields.Boolean(
        attribute="is_stale", required=True, metadata={"description": "The answers have changed since."}
    )
    final_score = fields.Float(required=True, allow_none=True, metadata={"description": "0 to 100."})
    scored_count = fields.Integer(required=True)
    failed_count = fields.Integer(required=True)
    unanswered_count = fields.Integer(required=True)
    metadata = fields.Nested(FeedbackMetadataSchema, required=True, allow_none=True)


class FeedbackReportSchema(ReportHeadSchema):
    session_id = fields.String(required=True)
    answers = fields.List(fields.Nested(ReportedAnswerSchema), required=True)


class WhichReportSchema(Schema):
    report = fields.Integer(
        validate=validate.Range(min=0, max=2**31 - 1), metadata={"description": "The number of an earlier report."}
    )


class ReportPageQuerySchema(Schema):
    cursor = fields.Integer(validate=validate.Range(min=0, max=2**31 - 1))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class ReportPageSchema(Schema):
    reports = fields.List(fields.Nested(ReportHeadSchema), required=True)
    next = fields.Integer(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})
