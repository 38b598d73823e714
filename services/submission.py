"""Submitting an interview: whoever answered says that it is done. What is still waited for lands afterwards."""

from datetime import datetime

import structlog

from services.errors import Conflict, NotFound, already_submitted
from services.models import Session
from services.storage.submissions import SubmissionStore

log = structlog.get_logger()


class Submission:
    """Submits interviews, once; no transcript is waited for."""

    def __init__(self, store: SubmissionStore) -> None:
        self._store = store

    def submit(self, session: Session) -> datetime:
        """When it was submitted; again is the same time.

        Raises `Conflict` while nothing at all was answered: that can only be a mistake, and could not be undone.
        """
        if not session.answers:
            raise Conflict("Nothing was answered yet.", code="nothing_to_submit")
        submitted_at = self._store.submit(session.id)
        if submitted_at is None:
            raise NotFound("There is no such session.")
        if session.submitted_at is None:
            log.info("An interview was submitted.", session_id=session.id)
        return submitted_at

    def require_open(self, session: Session) -> None:
        """Raise `Conflict` where it was submitted: its answers stay as they were sent."""
        if session.submitted_at is not None:
            raise already_submitted()
