"""Waiting for the one answer of a job within a request, for as long as its caller can."""

import time

from services.answer_status import AnswerStatus
from services.live import LiveFeed
from services.subscription import AnswerChanged, Event

# How soon a wait that is over is noticed; a change ends it at once.
IDLE_SECONDS = 0.5


def wait_for_end(live: LiveFeed, session_id: str, *, seconds: float) -> AnswerStatus | None:
    """The answer of a session once it is terminal; None where it is not by then, or the session is gone."""
    ends_at, subscription = time.monotonic() + seconds, live.subscribe(session_id)
    try:
        for event in subscription.events(min(IDLE_SECONDS, seconds)):
            answer = _answer_in(event)
            if answer is not None and answer.status.is_terminal:
                return answer
            if time.monotonic() >= ends_at:
                return None
    finally:
        live.unsubscribe(session_id, subscription)
    return None


def _answer_in(event: Event | None) -> AnswerStatus | None:
    if event is None:
        return None
    if isinstance(event, AnswerChanged):
        return event.answer
    return event.answers[0] if event.answers else None
