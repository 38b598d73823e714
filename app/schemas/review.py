"""Edits of transcripts coming in."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from services.texts import LONGEST_TRANSCRIPT

IF_MATCH: dict[str, Any] = {
    "in": "header",
    "name": "If-Match",
    "schema": {"type": "string"},
    "required": True,
    "description": "The ETag of the revision that was edited, from the answer's status, or `*`.",
}


def is_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValidationError("Must be valid Unicode (it holds half of a surrogate pair).") from None


class EditSchema(Schema):
    """The whole new text; empty where nothing was said. Long ones are taken in the place of long ones."""

    text = fields.String(required=True, validate=[validate.Length(max=LONGEST_TRANSCRIPT), is_unicode])
