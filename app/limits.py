"""How much a request may send. Small everywhere; an endpoint that takes more says so here."""

from collections.abc import Callable
from io import BytesIO
from typing import IO

from flask import Flask, Request, g, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.utils import cached_property

from services.errors import RecordingTooLarge

KIB = 1024
JSON_BODY_BYTES = 512 * KIB
SMALL_BODY_BYTES = 64 * KIB
# The longest text that is typed, every character of it escaped as a surrogate pair.
TRANSCRIPT_BODY_BYTES = 640 * KIB
# The same of the longest transcript (services/texts.py).
OUTSIDE_BODY_BYTES = 4 * TRANSCRIPT_BODY_BYTES
# What multipart puts around a recording: boundaries, headers, the two small fields.
MULTIPART_BYTES = 64 * KIB
# The most a text field may have. Werkzeug also holds this against what its parser has in hand: a block of 64 KiB and
# what was left of the one before, where a line break looked like the beginning of a boundary.
FORM_FIELD_BYTES = 128 * KIB


class InMemoryRequest(Request):
    """Keeps uploads in memory (their size is bounded), or streams them: recordings never touch this machine's disk."""

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        g.began_file = True
        # What a view expects for a file of its own (streamed_upload.py).
        expected: Callable[[], IO[bytes]] = g.get("receives_file", BytesIO)
        return expected()

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """Werkzeug reads an escaped %FF leniently, and breaks over the bare byte."""
        try:
            return super().args
        except UnicodeDecodeError:
            raise BadRequest("The query is not valid UTF-8.") from None


def install(app: Flask, *, max_recording_bytes: int, max_job_bytes: int) -> None:
    """Set each endpoint's limit before anything of the body is read."""
    app.request_class = InMemoryRequest
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_FIELD_BYTES
    app.config["MAX_FORM_PARTS"] = 20
    limits = {
        "interview.upload_answer": max_recording_bytes + MULTIPART_BYTES,
        "signed_uploads.receive": max_recording_bytes,
        "jobs.transcribe": max_job_bytes + MULTIPART_BYTES,
        "speech_to_text.hear": max_recording_bytes + MULTIPART_BYTES,
        "sessions.start_session": JSON_BODY_BYTES,
        "review.edit_transcript": OUTSIDE_BODY_BYTES,
        "responses.give_response": TRANSCRIPT_BODY_BYTES,
        "worker.write_transcript": OUTSIDE_BODY_BYTES,
        "mentor_responses.respond": TRANSCRIPT_BODY_BYTES,
        "mentor_responses.change_response": OUTSIDE_BODY_BYTES,
    }

    @app.before_request
    def limit_body() -> None:
        request.max_content_length = limits.get(request.endpoint or "", SMALL_BODY_BYTES)


def refuse_declared_oversize() -> None:
    """Raise `RecordingTooLarge` from the declared length alone; bodies without one are counted as they are read."""
    declared, limit = request.content_length, request.max_content_length
    if declared is not None and limit is not None and declared > limit:
        raise RecordingTooLarge("The recording is too large.")
