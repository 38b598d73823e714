"""Sending again what was lost on the way: messages nobody took, and work whose worker is gone."""

import time
from datetime import datetime

import structlog

from services.errors import Unavailable
from services.jobs import JobQueue
from services.models import AnswerRef
from services.storage.answers import RESEND_SECONDS
from services.storage.audio import AudioStore
from services.storage.open_answers import OpenAnswer, OpenAnswerStore
from services.storage.uploads import UploadStore

log = structlog.get_logger()

LONGEST_RESEND_SECONDS = 240
# More than workers take up between two sweeps; a sweep of everything after a long outage would keep a worker from its
# next sign of life.
SENT_AT_ONCE = 500
# After an outage every lease has run out. Those whose holders are alive renew them now, so they go first. Longer than
# a sweep's interval and the time-out of a call together: the outage is over some time after the last look at it failed.
GRACE_SECONDS = 20


class Recovery:
    """Run at boot and every few seconds by every worker; any number of them do the work once."""

    def __init__(
        self, open_answers: OpenAnswerStore, uploads: UploadStore, audio: AudioStore, jobs: JobQueue, *, holder: str
    ) -> None:
        self._open = open_answers
        self._uploads = uploads
        self._audio = audio
        self._jobs = jobs
        self._holder = holder
        self._grace_ends_at = 0.0

    def sweep(self) -> int:
        """Send every unfinished answer that is due, and finish what was cut short; how many were sent."""
        now, due = self._due()
        sent = 0
        for answer in due:
            # Postponed first: the one sweep whose write lands sends. Further each time: in a long queue the message is
            # not lost, and copies of it would only make the queue longer.
            if self._open.postpone(answer, min(RESEND_SECONDS * 2**answer.resent, LONGEST_RESEND_SECONDS)):
                if not self._send(answer.ref):
                    break
                sent += 1
        for audio in self._audio.with_status("deleting", before=now):
            self._audio.delete(audio.file_id)
        self._uploads.collect_abandoned()
        if sent:
            log.info("Unfinished answers were sent again.", answers=sent)
        return sent

    def _due(self) -> tuple[datetime, list[OpenAnswer]]:
        """By the clock of the database, which all leases go by, so that a worker's own may be wrong."""
        try:
            now = self._open.server_time()
            due = self._open.due(now)
        except Unavailable:
            self._grace_ends_at = time.monotonic() + GRACE_SECONDS
            raise
        if time.monotonic() < self._grace_ends_at:
            due = [answer for answer in due if answer.holder is None]
        return now, due[:SENT_AT_ONCE]

    def recover_own(self) -> int:
        """After a restart of the in-process worker: give back what it held and send everything; how many were sent.

        Its queue was in memory, so nothing that waits is in any queue now.
        """
        released = self._open.release_held_by(self._holder)
        waiting = [answer for answer in self._open.all() if answer.holder is None]
        sent = sum(self._send(answer.ref) for answer in waiting)
        if sent:
            log.info("Answers from before the restart were sent.", answers=sent, interrupted=released)
        return sent

    def _send(self, ref: AnswerRef) -> bool:
        try:
            self._jobs.transcribe_answer(ref)
        except Unavailable as error:
            log.warning("The queue could not be reached.", answer_id=ref.answer_id, error=error.message)
            return False
        return True
