"""Live events as JSON. Fifty sockets on one session hear the same change: it is rendered for the first of them."""

import json
import threading
from collections import OrderedDict

from app.auth import services
from app.schemas.answers import AnswerStatusSchema
from services.answer_status import AnswerStatus, in_short
from services.subscription import AnswerChanged, Event, Snapshot

# The changes of a moment: what everybody has heard is of no use here, and holds what people said.
REMEMBERED_CHANGES = 64
_ANSWER = AnswerStatusSchema()


class RecentChanges:
    """The last changes as text, by session, `seq` and question."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: OrderedDict[tuple[str, int, str], tuple[AnswerStatus, str]] = OrderedDict()

    def rendered(self, session_id: str, event: AnswerChanged) -> str:
        """Whoever comes while another renders waits for it, since all of them would only do the same."""
        key = (session_id, event.seq, event.answer.question_id)
        with self._lock:
            found = self._texts.get(key)
            if found is None or found[0] != event.answer:
                body = {"type": "answer", "seq": event.seq, **_ANSWER.dump(in_short(event.answer))}
                found = self._texts[key] = (event.answer, json.dumps(body))
                if len(self._texts) > REMEMBERED_CHANGES:
                    self._texts.popitem(last=False)
            return found[1]


_recent = RecentChanges()


def as_json(session_id: str, event: Event) -> str:
    """What a socket is sent."""
    if isinstance(event, AnswerChanged):
        return _recent.rendered(session_id, event)
    return _snapshot(event)


def _snapshot(event: Snapshot) -> str:
    worker = services().health.worker()
    body = {
        "type": "snapshot",
        "seq": event.seq,
        "answers": _ANSWER.dump(map(in_short, event.answers), many=True),
        "whisper_model": worker.whisper_model,
        "demo_model": worker.demo_model,
    }
    return json.dumps(body)
