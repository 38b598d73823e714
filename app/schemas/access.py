"""What opens doors, on its way out."""

from marshmallow import Schema, fields


class LinkSchema(Schema):
    link = fields.Url(required=True, metadata={"description": "For the candidate; shown only now."})
    link_expires_at = fields.AwareDateTime(required=True)


class TicketSchema(Schema):
    ticket = fields.String(required=True, metadata={"description": "For one live connection; shown only now."})
    expires_at = fields.AwareDateTime(required=True)
