"""Jobs: a recording without an interview, on its way in and as it stands."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate

from app.schemas.answers import AnswerErrorSchema, HeardSchema, SummarySchema, UploadFormSchema
from app.schemas.sessions import LONGEST_PROMPT, LONGEST_TERM, MOST_TERMS, is_a_term, is_storable
from services.models import Status, Task

MOST_JOBS = 100
MOST_SESSIONS = 50


_ID = "[A-Za-z0-9_-]{1,64}"


class IdList(fields.String):
    """Ids with commas between them, each of them once."""

    def __init__(self, *, most: int, **options: Any) -> None:
        pattern = f"^{_ID}(,{_ID}){{0,{most - 1}}}$"
        wanted = validate.Regexp(
            pattern.replace("$", r"\Z"), error=f"Must be 1 to {most} ids with commas between them."
        )
        super().__init__(validate=wanted, metadata={"pattern": pattern, "example": "one,another"}, **options)

    def deserialize(self, value: Any, attr: str | None = None, data: Any = None, **options: Any) -> Any:
        given = super().deserialize(value, attr, data, **options)
        return list(dict.fromkeys(given.split(","))) if isinstance(given, str) else given


def _are_terms(text: str) -> None:
    is_storable(text)
    terms = _terms_of(text)
    if len(terms) > MOST_TERMS or any(len(term) > LONGEST_TERM for term in terms):
        raise ValidationError(f"At most {MOST_TERMS} terms of at most {LONGEST_TERM} characters.")
    for term in terms:
        is_a_term(term)


def _terms_of(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(term.strip() for term in text.split(",") if term.strip()))


class JobFormSchema(UploadFormSchema):
    """The recording of a job, and what may be said about it."""

    task = fields.Enum(Task, by_value=True, load_default=Task.TRANSCRIBE)
    initial_prompt = fields.String(validate=[validate.Length(min=1, max=LONGEST_PROMPT), is_storable])
    vocabulary = fields.String(
        validate=[validate.Length(max=MOST_TERMS * (LONGEST_TERM + 2)), _are_terms],
        metadata={
            "description": "Names and terms that may be said, separated by commas.",
            "example": "Kubernetes, SLO",
        },
    )
    consent = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Whoever sends this has the consent of those who speak (needed with REQUIRE_CONSENT)."
        },
    )

    @post_load
    def _with_terms(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "vocabulary": _terms_of(data.get("vocabulary", ""))}


class JobReceiptSchema(Schema):
    """What the client may rely on: these bytes are stored as this job."""

    job_id = fields.String(required=True)
    status = fields.Constant("queued")
    message = fields.Constant("Audio uploaded successfully, transcription in progress")
    file_id = fields.String(required=True, attribute="receipt.file_id")
    answer_id = fields.String(required=True, attribute="receipt.answer_id")
    bytes = fields.Integer(required=True, attribute="receipt.bytes")
    sha256 = fields.String(required=True, attribute="receipt.sha256")


class JobProgressSchema(Schema):
    percent = fields.Integer(required=True, validate=validate.Range(min=0, max=100))
    windows_done = fields.Integer(required=True, allow_none=True, metadata={"description": "While processing."})
    windows_total = fields.Integer(required=True, allow_none=True)


class JobTimesSchema(Schema):
    """When a job came to each state; null where it has not, or a retry has made that undone."""

    queued_at = fields.AwareDateTime(required=True, allow_none=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    completed_at = fields.AwareDateTime(required=True, allow_none=True)
    failed_at = fields.AwareDateTime(required=True, allow_none=True)
    cancelled_at = fields.AwareDateTime(required=True, allow_none=True)


class ListedJobSchema(HeardSchema):
    """A job without what was said in it."""

    job_id = fields.String(required=True)
    question_id = fields.String(
        required=True,
        metadata={"description": "Names the recording where a route asks for session and question, as for captions."},
    )
    answer_id = fields.String(required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    stage = fields.String(
        required=True, allow_none=True, metadata={"description": "decoding or transcribing, while processing."}
    )
    progress = fields.Nested(JobProgressSchema, required=True)
    times = fields.Nested(JobTimesSchema, required=True)
    error = fields.Nested(AnswerErrorSchema, required=True, allow_none=True)
    eta_seconds = fields.Float(required=True, allow_none=True)
    can_retry = fields.Boolean(required=True)
    no_speech = fields.Boolean(allow_none=True)
    language = fields.String(allow_none=True)
    duration_seconds = fields.Float(allow_none=True)
    declared_duration_ms = fields.Integer(allow_none=True)
    recording_incomplete = fields.Boolean(allow_none=True)
    revision = fields.Integer(allow_none=True)
    whisper_model = fields.String(allow_none=True)
    demo_model = fields.Boolean(allow_none=True)


class JobSchema(ListedJobSchema):
    OF_ANSWER = (
        *("question_id", "answer_id", "status", "error", "eta_seconds", "can_retry", "no_speech", "language"),
        *("duration_seconds", "declared_duration_ms", "recording_incomplete", "revision", "whisper_model"),
        *("demo_model", "transcript", "partial_transcript", "language_probability", "confidence", "needs_review"),
        *("words_per_minute", "longest_pause_seconds", "gaps", "timing"),
    )

    transcript = fields.String(required=True, allow_none=True)
    partial_transcript = fields.String(
        allow_none=True, metadata={"description": "The text so far, while the rest is waited for."}
    )


class JobQuerySchema(Schema):
    """Either some jobs by their ids, or one's own, newest first."""

    job_ids = IdList(most=MOST_JOBS)
    status = fields.Enum(Status, by_value=True)
    cursor = fields.String(validate=validate.Length(max=200))
    limit = fields.Integer(load_default=50, validate=validate.Range(min=1, max=200))


class JobPageSchema(Schema):
    jobs = fields.List(fields.Nested(ListedJobSchema), required=True)
    not_found = fields.List(
        fields.String(), required=True, metadata={"description": "Asked for by id, and not there or not one's own."}
    )
    next = fields.String(required=True, allow_none=True, metadata={"description": "The cursor of the next page."})


class StatusQuerySchema(Schema):
    session_ids = IdList(most=MOST_SESSIONS, required=True)


class OneSummarySchema(Schema):
    session_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    summary = fields.Nested(SummarySchema, required=True)


class StatusesSchema(Schema):
    sessions = fields.List(fields.Nested(OneSummarySchema), required=True)
    missing = fields.List(fields.String(), required=True, metadata={"description": "Not there, or not one's own."})


class SpokenTextSchema(Schema):
    text = fields.String(required=True)
    job_id = fields.String(required=True)
