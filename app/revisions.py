"""Revisions as entity tags (RFC 9110, sections 8.8.3 and 13.1.1): an edit names the text that it changes."""

from flask import request

from services.answer_status import AnswerStatus
from services.errors import PreconditionFailed, PreconditionRequired


def etag_of(answer: AnswerStatus) -> dict[str, str]:
    """The header that names the revision of a transcript; none before there is one."""
    return {} if answer.revision is None else {"ETag": f'"{answer.revision}"'}


def expected_revision(answer: AnswerStatus) -> int | None:
    """The revision that `If-Match` names: that of `answer`, or `PreconditionFailed`.

    Raises `PreconditionRequired` for a request without the header. `*` is whichever there is.
    """
    if not request.headers.get("If-Match"):
        raise PreconditionRequired("Say which revision you edited: `If-Match` with the ETag of the answer's status.")
    if answer.revision is not None and str(answer.revision) not in request.if_match:
        raise PreconditionFailed("The transcript has changed. Read it again before you edit it.")
    return answer.revision
