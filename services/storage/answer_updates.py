"""The one shape of a change to an answer: a pipeline that also keeps the session's `open` list and its `seq`."""

from collections.abc import Mapping
from typing import Any

from services.models import AnswerRef
from services.storage.expressions import NOW, REMOVE, fields, increased, stored

Pipeline = list[dict[str, Any]]


def path_of(ref: AnswerRef) -> str:
    """Where the answer stands in its session; question ids are checked at the door to be safe field names."""
    return f"answers.{ref.question_id}"


def answer_change(
    ref: AnswerRef, changed: Mapping[str, Any], *, open_entry: Mapping[str, Any] | None, **session_fields: Any
) -> Pipeline:
    """Set `changed` (names relative to the answer) and the answer's entry in `open`; None takes the entry out.

    `session_fields` are further expressions for the session document itself.
    """
    path = path_of(ref)
    inside = {f"{path}.{name}": value for name, value in fields(changed).items()}
    return [{"$set": {**inside, **session_fields, **_kept_beside(ref, open_entry)}}]


def without_lease() -> dict[str, Any]:
    """What ends with a claim."""
    return {"lease": REMOVE, "progress": REMOVE}


def _kept_beside(ref: AnswerRef, open_entry: Mapping[str, Any] | None) -> dict[str, Any]:
    of_other_questions = {
        "$filter": {
            "input": {"$ifNull": ["$open", []]},
            "cond": {"$ne": ["$$this.question_id", stored(ref.question_id)]},
        }
    }
    entry = {"answer_id": ref.answer_id, "question_id": ref.question_id}
    own = [] if open_entry is None else [fields({**entry, **open_entry})]
    return {
        "open": {"$concatArrays": [of_other_questions, own]},
        "seq": increased("seq").value,
        "updated_at": NOW.value,
    }
