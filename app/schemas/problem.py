"""The body of every error (RFC 9457)."""

from marshmallow import Schema, fields


class ProblemSchema(Schema):
    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "The kind of problem, for programs."})
    request_id = fields.String(required=True)
    retryable = fields.Boolean(required=True)
    errors = fields.Dict(metadata={"description": "Which field is wrong and why."})
