"""What people say of transcripts."""

from typing import Any

from marshmallow import Schema, fields, validate

from app.schemas.sessions import is_storable
from services.opinions import KINDS, LONGEST_COMMENT, LONGEST_KEPT

REVISION = validate.Range(min=1, max=2**31)
WORD = validate.Range(min=0, max=2**31)


def _text() -> Any:
    return fields.String(allow_none=True, validate=[validate.Length(max=LONGEST_COMMENT), is_storable])


def _revision() -> Any:
    return fields.Integer(validate=REVISION, metadata={"description": "Of which text; else of the newest."})


class NewRatingSchema(Schema):
    stars = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=5))
    comment = _text()
    revision = _revision()


class ToldSchema(Schema):
    by = fields.String(required=True, attribute="about.by", validate=validate.OneOf(("candidate", "owner", "admin")))
    at = fields.AwareDateTime(required=True, attribute="about.at")
    revision = fields.Integer(required=True, attribute="about.revision")
    answer_id = fields.String(required=True, attribute="about.answer_id")


class RatingSchema(ToldSchema):
    stars = fields.Integer(required=True)
    comment = fields.String(required=True, allow_none=True)


class RatingListSchema(Schema):
    ratings = fields.List(
        fields.Nested(RatingSchema),
        required=True,
        metadata={"description": "One of each part in the interview at most; a candidate's link sees its own."},
    )


class NewErrorReportSchema(Schema):
    """Words by their place in the text (what spaces part, from 0): from `start_word` to before `end_word`."""

    start_word = fields.Integer(required=True, strict=True, validate=WORD)
    end_word = fields.Integer(
        required=True, strict=True, validate=WORD, metadata={"description": "As `start_word` where a word is missing."}
    )
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    heard = fields.String(
        allow_none=True,
        validate=[validate.Length(max=50_000), is_storable],
        metadata={"description": "The words that are meant: refused with 409 where others stand there."},
    )
    suggestion = _text()
    comment = _text()
    revision = _revision()


class ErrorReportSchema(ToldSchema):
    id = fields.String(required=True)
    start_word = fields.Integer(required=True)
    end_word = fields.Integer(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    heard = fields.String(
        required=True, metadata={"description": f"As they stand in that revision, {LONGEST_KEPT} characters at most."}
    )
    suggestion = fields.String(required=True, allow_none=True)
    comment = fields.String(required=True, allow_none=True)


class ErrorReportListSchema(Schema):
    errors = fields.List(fields.Nested(ErrorReportSchema), required=True, metadata={"description": "Newest first."})
