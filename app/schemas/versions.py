"""The texts of an answer, and what differs between them."""

from marshmallow import Schema, fields, validate

REVISION = validate.Range(min=1, max=2**31)


class RevisionLineSchema(Schema):
    revision = fields.Integer(required=True)
    created_at = fields.AwareDateTime(required=True)
    is_edited = fields.Boolean(required=True, metadata={"description": "Not as it was heard, or first typed."})
    by = fields.String(
        required=True,
        validate=validate.OneOf(("model", "worker", "typed", "candidate", "owner", "admin", "unknown")),
        metadata={"description": "Who wrote it: a model of ours or of a worker, or a person by their part in this."},
    )
    restored_from = fields.Integer(required=True, allow_none=True)
    words = fields.Integer(required=True)


class RevisionListSchema(Schema):
    revisions = fields.List(
        fields.Nested(RevisionLineSchema), required=True, metadata={"description": "Newest first, at most 1,000."}
    )
    newest_revision = fields.Integer(required=True, metadata={"description": "Also the ETag of the transcript."})


class DiffQuerySchema(Schema):
    before = fields.Integer(required=True, data_key="from", validate=REVISION)
    after = fields.Integer(required=True, data_key="to", validate=REVISION)


class StretchSchema(Schema):
    """Words by their place in the text: from `start_word` to before `end_word`; seconds where they were heard."""

    start_word = fields.Integer(required=True)
    end_word = fields.Integer(required=True)
    text = fields.String(required=True)
    start = fields.Float(required=True, allow_none=True)
    end = fields.Float(required=True, allow_none=True)


class DifferenceSchema(Schema):
    op = fields.String(required=True, validate=validate.OneOf(("equal", "insert", "delete", "replace")))
    before = fields.Nested(StretchSchema, required=True, data_key="from")
    after = fields.Nested(StretchSchema, required=True, data_key="to")


class DiffSchema(Schema):
    before = fields.Integer(required=True, data_key="from")
    after = fields.Integer(required=True, data_key="to")
    differences = fields.List(fields.Nested(DifferenceSchema), required=True)


class RestoreSchema(Schema):
    revision = fields.Integer(required=True, validate=REVISION, metadata={"description": "The text to go back to."})
