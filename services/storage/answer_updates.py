"""The one shape of a change to an answer: a pipeline that also keeps the session's `open` and `ended` lists and `seq`.

`open` are the answers that are not finished, `ended` those that ended without a transcript (failed or cancelled, with
the code and the time): what an index can serve.
"""

from collections.abc import Mapping
from typing import Any

from services.models import AnswerRef, Status
from services.storage.expressions import NOW, REMOVE, Expression, fields, increased, stored
from services.storage.leases import Leased
from services.storage.outbox import announced, events_of_end

Pipeline = list[dict[str, Any]]


def path_of(ref: AnswerRef) -> str:
    """Where the answer stands in its session; question ids are checked at the door to be safe field names."""
    return f"answers.{ref.question_id}"


def leased(ref: AnswerRef) -> Leased:
    """The answer as something that is worked on."""
    return Leased(path_of(ref), status_field="transcription_status")


def next_revision(ref: AnswerRef) -> Expression:
    """The number of the next text to this question. New recordings count on: no number ever means another text."""
    return increased(f"revisions.{ref.question_id}")


def ids_with(ref: AnswerRef) -> Expression:
    """The session's `answer_ids` once this answer has taken the place of what was there."""
    replaced = {"$ifNull": [f"${path_of(ref)}.id", None]}
    others = {"$filter": {"input": "$answer_ids", "cond": {"$ne": ["$$this", replaced]}}}
    return Expression({"$concatArrays": [others, [stored(ref.answer_id)]]})


def answer_change(
    ref: AnswerRef, changed: Mapping[str, Any], *, open_entry: Mapping[str, Any] | None, **session_fields: Any
) -> Pipeline:
    """Set `changed` (names relative to the answer) and the answer's entry in `open`; None takes the entry out.

    Its entry in `ended` follows from the status in `changed`, and goes where the answer is open. What its end tells
    outside (outbox.py) follows from that, too.
    `session_fields` are further expressions for the session document itself.
    """
    path = path_of(ref)
    inside = {f"{path}.{name}": value for name, value in fields(changed).items()}
    return [{"$set": {**inside, **session_fields, **_kept_beside(ref, changed, open_entry)}}]


def without_lease() -> dict[str, Any]:
    """What ends with a claim."""
    return {"lease": REMOVE, "progress": REMOVE}


def _kept_beside(ref: AnswerRef, changed: Mapping[str, Any], open_entry: Mapping[str, Any] | None) -> dict[str, Any]:
    entry = {"answer_id": ref.answer_id, "question_id": ref.question_id}
    kept: dict[str, Any] = {"seq": increased("seq").value, "updated_at": NOW.value}
    kept["open"] = _others_and("open", ref, None if open_entry is None else {**entry, **open_entry})
    if open_entry is not None or "transcription_status" in changed:
        end = _end_of(changed)
        kept["ended"] = _others_and("ended", ref, None if end is None else {**entry, **end})
    if events := events_of_end(ref, changed):
        kept["outbox"] = announced(*events).value
    return kept


def _end_of(changed: Mapping[str, Any]) -> dict[str, Any] | None:
    if changed.get("transcription_status") not in (Status.FAILED, Status.CANCELLED):
        return None
    error = changed.get("transcription_error") or {}
    return {"status": changed["transcription_status"], "code": error.get("code"), "at": NOW}


def _others_and(name: str, ref: AnswerRef, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    """The list `name` with the entries of other questions, and this one's if there is one."""
    of_other_questions = {
        "$filter": {
            "input": {"$ifNull": [f"${name}", []]},
            "cond": {"$ne": ["$$this.question_id", stored(ref.question_id)]},
        }
    }
    return {"$concatArrays": [of_other_questions, [] if entry is None else [fields(entry)]]}
