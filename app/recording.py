"""Reads the one recording of a multipart request, and refuses what can be refused before anything is stored."""

from hashlib import sha256
from typing import Any

from flask import current_app, request

from services.audio.signature import container_of
from services.errors import InvalidRequest, RecordingTooLarge
from services.models import Recording

FIELD = "audio"


def received_recording(form: dict[str, Any]) -> Recording:
    """The recording in field `audio`.

    Raises `InvalidRequest` for no file, a second file or an empty one, `RecordingTooLarge`, and `UnsupportedRecording`
    for bytes that are not one of the accepted containers, whatever they are called.
    """
    files = [(name, file) for name, several in request.files.lists() for file in several]
    if not files:
        raise InvalidRequest("Send the recording as the file field `audio`.", code="missing_file")
    if len(files) > 1:
        raise InvalidRequest("Send exactly one recording.", code="too_many_files")
    name, file = files[0]
    if name != FIELD:
        raise InvalidRequest("The recording's field is called `audio`.", code="missing_file")
    content = file.read()
    if len(content) > current_app.config["MAX_RECORDING_BYTES"]:
        raise RecordingTooLarge("The recording is too large.")
    return Recording(
        content=content,
        content_type=container_of(content),
        sha256=sha256(content).hexdigest(),
        language=form.get("language"),
        declared_duration_ms=form.get("duration_ms"),
    )
