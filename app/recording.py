"""Reads the one recording of a multipart request, and refuses what can be refused before anything is stored."""

from hashlib import file_digest
from typing import Any

from flask import current_app, g, request
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import UnsupportedMediaType

from app.digest import check_digest, watch_body
from app.limits import refuse_declared_oversize
from services.audio.signature import container_of
from services.errors import InvalidRequest, RecordingTooLarge
from services.models import Recording

FIELD = "audio"


def sole_file() -> FileStorage:
    """The file in field `audio`; raises `InvalidRequest` for none, another one, a second one or one without its end."""
    refuse_declared_oversize()
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the recording as `multipart/form-data`.")
    watch_body()
    files = [(name, file) for name, several in request.files.lists() for file in several]
    if len(files) > 1:
        raise InvalidRequest("Send exactly one recording.", code="too_many_files")
    if not files and g.get("began_file"):
        # The parser hands out no file whose closing boundary has not come.
        raise InvalidRequest("The recording broke off. Please send it again.", code="recording_incomplete")
    if not files or files[0][0] != FIELD:
        raise InvalidRequest("Send the recording as the file field `audio`.", code="missing_file")
    return files[0][1]


def received_recording(form: dict[str, Any]) -> Recording:
    """The recording of an upload form.

    Raises `InvalidRequest` for an empty one and for one that is not what was declared, `RecordingTooLarge`, and
    `UnsupportedRecording` for bytes that are not one of the accepted containers, whatever they are called.
    """
    content = form[FIELD].read()
    if len(content) > current_app.config["MAX_RECORDING_BYTES"]:
        raise RecordingTooLarge("The recording is too large.")
    digest = digest_of_recording()
    require_declared(form, len(content), digest)
    return Recording(
        content=content,
        content_type=container_of(content),
        sha256=digest,
        language=form.get("language"),
        declared_duration_ms=form.get("duration_ms"),
    )


def digest_of_recording() -> str:
    """The SHA-256 of the upload's file in hexadecimal, computed once for a request."""
    if "recording_sha256" not in g:
        # In one piece and without a copy: uploads are kept in memory (limits.py).
        g.recording_sha256 = file_digest(sole_file().stream, "sha256").hexdigest()  # type: ignore[arg-type]
    found: str = g.recording_sha256
    return found


def require_declared(form: dict[str, Any], length: int, digest: str) -> None:
    """Raise `InvalidRequest` for a recording that lost something on its way."""
    declared = form.get("bytes")
    if declared is not None and declared != length:
        message = f"{declared} bytes were declared and {length} have arrived. Please send the recording again."
        raise InvalidRequest(message, code="recording_incomplete")
    if form.get("sha256", digest).lower() != digest:
        raise InvalidRequest("The recording's bytes are not those that were declared.", code="digest_mismatch")
    check_digest(digest)
