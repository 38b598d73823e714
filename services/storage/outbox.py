"""What is to be told of a session outside, kept in the session by the very update that it is about: its `outbox`.

A change and its event are one write, so neither is there without the other. Entries are written only where somebody
listens (`notifies` of the session, see webhooks.py) and taken out by the dispatcher (services/webhook_dispatch.py).
They raise no `seq`, so that live clients do not see them come and go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from services.models import AnswerRef, Status
from services.storage.expressions import NOW, Expression, fields, increased, stored

Pipeline = list[dict[str, Any]]

# What `notifies` of a session says from its start on: somebody may listen, nobody has looked yet.
NEW = "new"
# About 0.4 kB each. Far beyond what a session has to tell before it is dispatched; where nobody dispatches for ever,
# the newest stay.
MOST_ENTRIES = 1_000

TRANSCRIBED, FAILED, CANCELLED = "answer.transcribed", "answer.failed", "answer.cancelled"
ALL_TRANSCRIBED = "session.transcribed"
FEEDBACK_COMPLETED, FEEDBACK_FAILED = "feedback.completed", "feedback.failed"
EVENT_TYPES = (TRANSCRIBED, FAILED, CANCELLED, ALL_TRANSCRIBED, FEEDBACK_COMPLETED, FEEDBACK_FAILED)
_OF_STATUS = {Status.COMPLETED: TRANSCRIBED, Status.FAILED: FAILED, Status.CANCELLED: CANCELLED}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens by an update; `data` are ids, words of ours and numbers, never what was said.

    Values are stored literally unless they are an `Expression`, which sees the session as it is before the update.
    Only where `when` (an expression of ours) is true it happens; None is always.
    """

    type: str
    data: Mapping[str, Any]
    when: Any = None
    id: str = field(default_factory=lambda: token_hex(12))


def announced(*events: Event) -> Expression:
    """The new value of the session's field `outbox`, for the pipeline update by which the events happen."""
    told = {"$concatArrays": [{"$ifNull": ["$outbox", []]}, *(_entries(each) for each in events)]}
    kept = {"$slice": [told, -MOST_ENTRIES]}
    return Expression({"$cond": [{"$ifNull": ["$notifies", False]}, kept, "$outbox"]})


def announcement(*events: Event) -> Pipeline:
    """An update of the session that does nothing else: for a change elsewhere, in the same transaction as that."""
    return [{"$set": {"outbox": announced(*events).value}}]


def events_of_end(ref: AnswerRef, changed: Mapping[str, Any]) -> tuple[Event, ...]:
    """What an answer's end tells, by what the update sets of it; nothing where it does not end."""
    status = changed.get("transcription_status")
    if status not in _OF_STATUS:
        return ()
    error = changed.get("transcription_error")
    told = {
        "session_id": ref.session_id,
        "question_id": ref.question_id,
        "answer_id": ref.answer_id,
        "status": status,
        "revision": changed.get("revision"),
        # Where an error is taken away, that is an expression.
        "error_code": error.get("code") if isinstance(error, Mapping) else None,
        "seq": _NEXT_SEQ,
    }
    last = {"session_id": ref.session_id, "seq": _NEXT_SEQ}
    return Event(_OF_STATUS[status], told), Event(ALL_TRANSCRIBED, last, when=_is_last(ref))


_NEXT_SEQ = increased("seq")


def _entries(event: Event) -> Any:
    entry = fields({"id": event.id, "type": event.type, "at": NOW, "data": Expression(fields(event.data))})
    return [entry] if event.when is None else {"$cond": [event.when, [entry], []]}


def _is_last(ref: AnswerRef) -> dict[str, Any]:
    """Whether with this answer's end none is open, and every question has an answer or the session was submitted."""
    others = {"$filter": {"input": {"$ifNull": ["$open", []]}, "cond": {"$ne": ["$$this.question_id", _id_of(ref)]}}}
    answered = {"$map": {"input": {"$objectToArray": {"$ifNull": ["$answers", {}]}}, "in": "$$this.k"}}
    missing = {"$setDifference": ["$questions.id", {"$concatArrays": [answered, [_id_of(ref)]]}]}
    is_submitted = {"$ne": [{"$type": "$submitted_at"}, "missing"]}
    return {"$and": [{"$eq": [others, []]}, {"$or": [{"$eq": [missing, []]}, is_submitted]}]}


def _id_of(ref: AnswerRef) -> Any:
    return stored(ref.question_id)
