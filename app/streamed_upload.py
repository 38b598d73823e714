"""An upload whose recording is stored while it comes: no part of this process ever holds it whole."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import current_app, g, request

from app.auth import caller, services
from app.digest import check_digest
from app.idempotency import sent_key_value
from app.limits import refuse_declared_oversize
from app.recording import require_declared
from services.answers import Receipt
from services.errors import InvalidRequest, TooManyRequests, Unavailable
from services.incoming_recordings import IncomingRecording
from services.models import Hints

View = TypeVar("View", bound=Callable[..., Any])


def streamed_upload(*, limit: str) -> Callable[[View], View]:
    """Stand ready for the recording of a new job, of at most what the app's setting `limit` says; asked for room first.

    Whatever does not become a job leaves nothing. A repeat of one that has become one is never refused.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def received(*args: Any, **kwargs: Any) -> Any:
            refuse_declared_oversize()
            key, owner_id = sent_key_value(), caller().user_id
            try:
                services().admission.check(owner_id, request.content_length or 0)
            except (TooManyRequests, Unavailable):
                if key is None or not services().transcription_jobs.is_accepted(owner_id, key):
                    raise
            incoming = services().transcription_jobs.expect(owner_id, key, max_bytes=current_app.config[limit])
            g.incoming, g.receives_file = incoming, _once(incoming)
            try:
                return view(*args, **kwargs)
            finally:
                incoming.abandon()

        return received  # type: ignore[return-value]

    return decorate


def accepted_job(form: dict[str, Any]) -> tuple[str, Receipt]:
    """The job that this request's recording has become, and its receipt; raises as `TranscriptionJobs.accept`."""
    incoming: IncomingRecording = g.incoming
    require_declared(form, incoming.bytes, incoming.sha256)
    check_digest(incoming.sha256)
    hints = Hints(form.get("language"), form["task"], form.get("initial_prompt"), form["vocabulary"])
    receipt = services().transcription_jobs.accept(
        caller().user_id,
        incoming,
        hints,
        once=sent_key_value() is not None,
        declared_duration_ms=form.get("duration_ms"),
        has_consent=form["consent"],
    )
    return incoming.ref.session_id, receipt


def _once(incoming: IncomingRecording) -> Callable[[], IncomingRecording]:
    """Hands the recording out to the first file of the form."""
    waiting = [incoming]

    def open_for_file() -> IncomingRecording:
        if not waiting:
            raise InvalidRequest("Send exactly one recording.", code="too_many_files")
        return waiting.pop()

    return open_for_file
