"""What is said of an answer: the receipt, its status, and the session's summary."""

from flask_smorest.fields import Upload
from marshmallow import EXCLUDE, Schema, fields, validate

from services.gaps import text_of_gap
from services.models import Status

LANGUAGE = validate.Regexp(r"^[a-z]{2,3}\Z", error="Must be an ISO 639 code such as 'en'.")


class UploadFormSchema(Schema):
    """A recording, and what may be said about it."""

    class Meta:
        unknown = EXCLUDE

    audio = Upload(required=True, metadata={"description": "The recording: webm, ogg, mp4, mp3, wav, flac or aac."})
    duration_ms = fields.Integer(validate=validate.Range(min=0, max=24 * 60 * 60 * 1000))
    language = fields.String(validate=LANGUAGE)
    bytes = fields.Integer(
        validate=validate.Range(min=0, max=2**53),
        metadata={"description": "The recording's length; another one that arrives is refused."},
    )
    sha256 = fields.String(
        validate=validate.Regexp(r"^[0-9a-fA-F]{64}\Z", error="Must be 64 hexadecimal digits."),
        metadata={"description": "The recording's SHA-256; other bytes that arrive are refused."},
    )


def probability(description: str) -> fields.Float:
    return fields.Float(allow_none=True, metadata={"description": description, "minimum": 0, "maximum": 1})


class ReceiptSchema(Schema):
    """What the client may rely on: these bytes are stored."""

    status = fields.Constant("processing")
    message = fields.Constant("Audio uploaded successfully, transcription in progress")
    transcription_status = fields.Constant("queued")
    file_id = fields.String(required=True)
    answer_id = fields.String(required=True)
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)


class ProgressSchema(Schema):
    stage = fields.String(required=True)
    windows_done = fields.Integer(required=True)
    windows_total = fields.Integer(required=True, allow_none=True)
    percent = fields.Integer(required=True)


class AnswerErrorSchema(Schema):
    code = fields.String(required=True)
    message = fields.String(required=True, metadata={"description": "A sentence for people."})


class EvidenceSchema(Schema):
    start_word = fields.Integer(
        required=True, metadata={"description": "The first of the words, counted from 0 in the revision's text."}
    )
    end_word = fields.Integer(required=True, metadata={"description": "The one after the last."})
    quote = fields.String(required=True)
    point = fields.String(required=True, allow_none=True, metadata={"description": "What they are evidence of."})


class FeedbackPartSchema(Schema):
    name = fields.String(required=True)
    score = fields.Float(required=True)
    weight = fields.Float(required=True)
    comment = fields.String(required=True)
    evidence = fields.List(fields.Nested(EvidenceSchema), metadata={"description": "Absent in scores of earlier."})


class GapSchema(Schema):
    """A stretch of the recording, in seconds from its beginning."""

    start = fields.Float(required=True)
    end = fields.Float(required=True)
    code = fields.String(required=True)
    text = fields.Function(
        text_of_gap,
        required=True,
        metadata={"type": "string", "description": "For people.", "example": "[… not heard: 12.0\N{EN DASH}41.5 s]"},
    )


class HeardSchema(Schema):
    """How something was heard; an edit changes none of it but `needs_review`."""

    language_probability = probability("Of the language; null where it was given.")
    confidence = probability("How sure the model is of the words.")
    needs_review = fields.Boolean(
        allow_none=True, metadata={"description": "A person should look at it: it is uncertain, and nobody edited it."}
    )
    words_per_minute = fields.Float(allow_none=True)
    longest_pause_seconds = fields.Float(allow_none=True)
    gaps = fields.List(
        fields.Nested(GapSchema), metadata={"description": "What could not be heard although the rest was."}
    )
    timing = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        allow_none=True,
        metadata={
            "description": "Seconds spent on each stage.",
            "example": {"queue": 0.1, "decode": 0.2, "words": 0.3},
        },
    )


class AnswerStatusSchema(HeardSchema):
    status = fields.Enum(Status, by_value=True, required=True)
    question_id = fields.String(required=True)
    answer_id = fields.String(required=True)
    kind = fields.String(metadata={"enum": ["audio", "text"], "description": "Whether it was recorded or typed."})
    transcript = fields.String(required=True, allow_none=True)
    no_speech = fields.Boolean(allow_none=True)
    partial_transcript = fields.String(
        allow_none=True,
        metadata={
            "description": "The text so far, while the rest is waited for: no transcript yet. In lists and live "
            "messages its last 2,000 characters."
        },
    )
    language = fields.String(allow_none=True)
    duration_seconds = fields.Float(allow_none=True)
    declared_duration_ms = fields.Integer(allow_none=True)
    recording_incomplete = fields.Boolean(
        allow_none=True, metadata={"description": "Clearly less could be heard than was declared with the upload."}
    )
    revision = fields.Integer(allow_none=True, metadata={"description": "Of the transcript: 1, and more with edits."})
    can_retry = fields.Boolean(metadata={"description": "It can be tried again without a new recording."})
    error = fields.Nested(AnswerErrorSchema, allow_none=True)
    progress = fields.Nested(ProgressSchema, allow_none=True)
    eta_seconds = fields.Float(allow_none=True)
    created_at = fields.AwareDateTime(allow_none=True)
    transcribed_at = fields.AwareDateTime(allow_none=True)
    whisper_model = fields.String(allow_none=True)
    demo_model = fields.Boolean(allow_none=True)


class ScoredAnswerSchema(AnswerStatusSchema):
    score = fields.Float(allow_none=True)
    feedback = fields.List(fields.Nested(FeedbackPartSchema), allow_none=True)


class SummarySchema(Schema):
    total = fields.Integer(required=True)
    completed = fields.Integer(required=True)
    processing = fields.Integer(required=True)
    queued = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    cancelled = fields.Integer(required=True)


class SessionStatusSchema(Schema):
    session_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    summary = fields.Nested(SummarySchema, required=True)
    answers = fields.List(fields.Nested(AnswerStatusSchema), required=True)
    whisper_model = fields.String(allow_none=True)
    demo_model = fields.Boolean(required=True)
