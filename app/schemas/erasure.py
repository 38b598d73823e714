"""What an erasure answers with."""

from marshmallow import Schema, fields


class ErasureReceiptSchema(Schema):
    """Counts by kind of row; rows of the audit log are not removed, the ids in them are replaced."""

    is_complete = fields.Boolean(
        required=True, metadata={"description": "False: the rest is removed in the background, without being asked."}
    )
    erased_at = fields.AwareDateTime(required=True)
    subject_hash = fields.String(
        required=True,
        metadata={"description": "By which the audit log knows what was erased; SHA-256 of a session's id."},
    )
    removed = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)
    residue = fields.Dict(
        keys=fields.String(), values=fields.Integer(), required=True, metadata={"description": "What is still there."}
    )
