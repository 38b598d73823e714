"""Reads the body of an upload that was signed for, once its headers say what was signed."""

from hashlib import sha256

from flask import request
from werkzeug.exceptions import LengthRequired, UnsupportedMediaType

from app.digest import check_digest, watch_body
from services.audio.signature import container_of
from services.errors import InvalidRequest
from services.models import Recording
from services.upload_urls import UploadIntent


def signed_recording(intent: UploadIntent) -> Recording:
    """The recording that a request to a signed address holds.

    Raises `LengthRequired`, `UnsupportedMediaType` and `InvalidRequest` before a byte of it is read; after that
    `UnsupportedRecording` for what is no recording, and `InvalidRequest` for what arrived otherwise than it was sent.
    """
    if request.content_length is None:
        raise LengthRequired("Say how long the recording is: `Content-Length`.")
    if request.content_length != intent.bytes:
        message = f"{intent.bytes} bytes were signed for, not {request.content_length}."
        raise InvalidRequest(message, code="length_not_signed")
    if request.mimetype != intent.content_type:
        raise UnsupportedMediaType(f"This address is for a recording of the type {intent.content_type}.")
    watch_body()
    content = request.get_data(cache=False)
    digest = sha256(content).hexdigest()
    check_digest(digest)
    return Recording(content, container_of(content), digest)
