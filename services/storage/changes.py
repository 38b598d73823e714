"""MongoDB's change stream over `interview_sessions`: deltas of about 0.4 kB, resumed after every interruption."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.storage.client import Document, MongoDatabase
from services.storage.streams import CollectionStream

_PIPELINE: list[Document] = [
    {"$match": {"operationType": {"$in": ["update", "replace", "delete"]}}},
    {"$project": {"operationType": 1, "documentKey": 1, "updateDescription": 1}},
]


@dataclass(frozen=True, slots=True)
class Change:
    """What one write changed in one session; `seq` is None when only a new snapshot can tell (replaced, deleted)."""

    session_id: str
    seq: int | None
    updated: Mapping[str, Any]
    removed: tuple[str, ...]

    def touched_questions(self) -> list[str]:
        """The ids of the questions whose answers the write touched."""
        paths = [*self.updated, *self.removed]
        ids = [path.split(".", 2)[1] for path in paths if path.startswith("answers.")]
        return list(dict.fromkeys(ids))

    def touches_link(self) -> bool:
        """Whether the session's link was replaced or revoked."""
        return any(path.partition(".")[0] == "link" for path in (*self.updated, *self.removed))

    def submits(self) -> bool:
        """Whether the interview was submitted by it, which is a change of every answer."""
        return "submitted_at" in self.updated

    def applied_to(self, question_id: str, answer: Mapping[str, Any] | None) -> dict[str, Any]:
        """A copy of the answer with this change made."""
        prefix = f"answers.{question_id}"
        result: dict[str, Any] = _deep_copied(answer or {})
        for path, value in self.updated.items():
            if path == prefix:
                result = _deep_copied(value)
            elif path.startswith(f"{prefix}."):
                _set(result, path[len(prefix) + 1 :].split("."), value)
        for path in self.removed:
            if path.startswith(f"{prefix}."):
                _remove(result, path[len(prefix) + 1 :].split("."))
        return result


class ChangeStream(CollectionStream):
    """Follows the collection until closed."""

    def __init__(self, database: MongoDatabase) -> None:
        super().__init__(database["interview_sessions"], _PIPELINE)

    def follow(self, *, on_gap: Callable[[], None]) -> Iterator[Change]:
        """Each change, in order. `on_gap` is called when some may have been missed: the place to resume was lost."""
        for found in self.events(on_gap):
            if (change := _as_change(found)) is not None:
                yield change


def _as_change(found: Mapping[str, Any]) -> Change | None:
    description = found.get("updateDescription") or {}
    updated = _by_answer(description.get("updatedFields", {}))
    if found["operationType"] == "update" and "seq" not in updated:
        # The sweep's bookkeeping: nothing that anybody sees.
        return None
    return Change(
        session_id=found["documentKey"]["_id"],
        seq=updated.get("seq"),
        updated=updated,
        removed=tuple(description.get("removedFields", ())),
    )


def _by_answer(updated: Mapping[str, Any]) -> dict[str, Any]:
    """The first answer of a session is reported as a new `answers` map: told here like every later one."""
    answers = {f"answers.{question_id}": answer for question_id, answer in updated.get("answers", {}).items()}
    return {**{path: value for path, value in updated.items() if path != "answers"}, **answers}


def _set(document: dict[str, Any], path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = document.get(name)
        if not isinstance(inner, dict):
            # Lists are replaced as a whole by every write of ours; what is deeper in one is not ours to show.
            return
        document = inner
    document[path[-1]] = value


def _remove(document: dict[str, Any], path: list[str]) -> None:
    for name in path[:-1]:
        inner = document.get(name)
        if not isinstance(inner, dict):
            return
        document = inner
    document.pop(path[-1], None)


def _deep_copied(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deep_copied(value) if isinstance(value, Mapping) else value for name, value in document.items()}
