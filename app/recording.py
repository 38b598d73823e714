"""Reads the one recording of a multipart request, and refuses what can be refused before anything is stored."""

from hashlib import sha256
from typing import Any

from flask import current_app, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from app.limits import refuse_declared_oversize
from services.audio.signature import container_of
from services.errors import InvalidRequest, RecordingTooLarge
from services.models import Recording

FIELD = "audio"


def sole_file() -> FileStorage:
    """The file in field `audio`; raises `InvalidRequest` for none, another one or a second one."""
    refuse_declared_oversize()
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the recording as `multipart/form-data`.")
    files = [(name, file) for name, several in request.files.lists() for file in several]
    if len(files) > 1:
        raise InvalidRequest("Send exactly one recording.", code="too_many_files")
    if not files or files[0][0] != FIELD:
        raise InvalidRequest("Send the recording as the file field `audio`.", code="missing_file")
    return files[0][1]


def received_recording(form: dict[str, Any]) -> Recording:
    """The recording of an upload form.

    Raises `InvalidRequest` for an empty one, `RecordingTooLarge`, and `UnsupportedRecording` for bytes that are not one
    of the accepted containers, whatever they are called.
    """
    content = form[FIELD].read()
    if len(content) > current_app.config["MAX_RECORDING_BYTES"]:
        raise RecordingTooLarge("The recording is too large.")
    return Recording(
        content=content,
        content_type=container_of(content),
        sha256=sha256(content).hexdigest(),
        language=form.get("language"),
        declared_duration_ms=form.get("duration_ms"),
    )
