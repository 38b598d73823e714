"""From what happened to what is delivered: events leave a session's outbox right after the change, or by a sweep."""

from collections.abc import Callable, Sequence

import structlog

from services.errors import ParleyError, Unavailable
from services.models import AnswerRef
from services.storage.outboxes import OutboxStore
from services.storage.webhook_marks import MarkStore

log = structlog.get_logger()

# A sweep has other things to do; the next one goes on.
SPREAD_SECONDS = 2.0


class WebhookDispatch:
    """Any number of processes may dispatch: each event becomes one delivery to each endpoint that hears of it."""

    def __init__(self, outboxes: OutboxStore, marks: MarkStore, send: Callable[[str], None]) -> None:
        """`send` tells a worker of a delivery; what it is not told of, the sweep of deliveries is."""
        self._outboxes = outboxes
        self._marks = marks
        self._send = send

    def hint(self, session_id: str) -> None:
        """Something may have happened to this session. Best effort, after the change: it never raises."""
        try:
            if self._outboxes.has_events(session_id):
                self.dispatch(session_id)
        except ParleyError as error:
            log.warning("Events are left to the sweep.", session_id=session_id, reason=error.message)
        except Exception:
            # The change is made, and whoever made it must not fail by this.
            log.exception("Events could not be dispatched.", session_id=session_id)

    def when_ended(self, ref: AnswerRef) -> None:
        """The hint, for whoever ends answers."""
        self.hint(ref.session_id)

    def dispatch(self, session_id: str) -> int:
        """Make deliveries of everything that happened to this session; how many. Raises `Unavailable`."""
        made, has_more = 0, True
        while has_more:
            delivery_ids, has_more = self._outboxes.dispatch(session_id)
            self._tell(delivery_ids)
            made += len(delivery_ids)
        return made

    def sweep(self) -> int:
        """Whatever was left by processes that died or had no database; how many deliveries were made."""
        for webhook_id in self._marks.spreading():
            self._marks.spread_for(webhook_id, seconds=SPREAD_SECONDS)
        made = sum(self._dispatch_left(session_id) for session_id in self._outboxes.left())
        if made:
            log.info("Events that were left have been dispatched.", deliveries=made)
        return made

    def _dispatch_left(self, session_id: str) -> int:
        try:
            return self.dispatch(session_id)
        except Unavailable:
            raise
        except Exception:
            # Whatever is wrong with this one, the others are to be told.
            log.exception("Events could not be dispatched.", session_id=session_id)
            return 0

    def _tell(self, delivery_ids: Sequence[str]) -> None:
        try:
            for delivery_id in delivery_ids:
                self._send(delivery_id)
        except Unavailable as error:
            log.warning("The queue could not be reached.", kind="webhooks", error=error.message)
