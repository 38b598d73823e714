"""Uploads by a signed address: what is to be sent, where to, and what came of it."""

from marshmallow import Schema, fields, validate

from app.schemas.answers import LANGUAGE
from app.schemas.sessions import QUESTION_ID

# Visible ASCII: what else there may be in a string is no id and no type of anybody's.
_PLAIN = validate.Regexp(r"^[\x20-\x7e]*\Z", error="Must be visible ASCII.")
_SHA256 = validate.Regexp(r"^[0-9a-fA-F]{64}\Z", error="Must be 64 hexadecimal digits.")
OBJECT_KEY = validate.Regexp(r"^[\x20-\x7e]{1,200}\Z")
LONGEST_DURATION_MS = 24 * 60 * 60 * 1000
DURATION_MS = validate.Range(min=0, max=LONGEST_DURATION_MS)


class UploadIntentSchema(Schema):
    """The one recording that an address is wanted for."""

    session_id = fields.String(required=True, validate=_PLAIN)
    question_id = fields.String(required=True, validate=QUESTION_ID)
    content_type = fields.String(
        required=True,
        validate=[_PLAIN, validate.Length(max=200)],
        metadata={"description": "webm, ogg, mp4, mp3, wav, flac or aac, such as `audio/webm;codecs=opus`."},
    )
    bytes = fields.Integer(required=True, strict=True, validate=validate.Range(min=1, max=2**53))
    sha256 = fields.String(validate=_SHA256, metadata={"description": "With it no other bytes are taken."})


class UploadUrlSchema(Schema):
    """Where to PUT exactly that recording, once, with no other credential."""

    url = fields.Url(required=True)
    object_key = fields.String(required=True, metadata={"description": "What the upload is called afterwards."})
    expires_at = fields.AwareDateTime(required=True)


class KeptUploadSchema(Schema):
    """These bytes are stored, and wait to be used."""

    object_key = fields.String(required=True)
    bytes = fields.Integer(required=True)
    sha256 = fields.String(required=True)
    expires_at = fields.AwareDateTime(
        required=True, metadata={"description": "What has become no answer by then is removed."}
    )


class UsedUploadSchema(Schema):
    """An upload that is to be the answer."""

    object_key = fields.String(required=True, validate=OBJECT_KEY)
    duration_ms = fields.Integer(strict=True, validate=DURATION_MS)
    language = fields.String(validate=LANGUAGE)
