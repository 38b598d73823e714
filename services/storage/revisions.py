"""Every text there was for the answers of a session, read for an export."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.models import Passage, Segment
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.heard_windows import as_segment
from services.storage.partials import IS_REVISION


@dataclass(frozen=True, slots=True)
class Revision:
    """One text of an answer; what a person has edited has no segments."""

    revision: int
    text: str
    language: str | None
    segments: tuple[Segment, ...]
    is_edited: bool
    created_at: datetime
    low_confidence: tuple[Passage, ...] = ()

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


class RevisionStore:
    """Reads the `transcripts` collection."""

    def __init__(self, database: MongoDatabase) -> None:
        self._transcripts = database["transcripts"]

    @reaching_mongodb
    def of_session(self, session_id: str) -> Mapping[str, Sequence[Revision]]:
        """By answer id, oldest first."""
        revisions = defaultdict(list)
        for found in self._transcripts.find({"session_id": session_id, **IS_REVISION}):
            revisions[found["answer_id"]].append(_as_revision(found))
        return {answer_id: sorted(each, key=_number) for answer_id, each in revisions.items()}

    @reaching_mongodb
    def find(self, answer_id: str, number: int) -> Revision | None:
        """One text of an answer."""
        found = self._transcripts.find_one({"answer_id": answer_id, "revision": number})
        return None if found is None else _as_revision(found)

    @reaching_mongodb
    def first(self, answer_id: str) -> Revision | None:
        """What was heard, before anybody edited it."""
        where = {"answer_id": answer_id, **IS_REVISION}
        found = self._transcripts.find_one(where, sort=[("revision", 1)])
        return None if found is None else _as_revision(found)


def _as_revision(found: Document) -> Revision:
    return Revision(
        revision=found["revision"],
        text=found.get("text", ""),
        language=found["language"],
        segments=tuple(as_segment(each) for each in found["segments"]),
        is_edited=found.get("is_edited", False),
        created_at=found["created_at"],
        low_confidence=tuple(Passage(**each) for each in found.get("low_confidence", ())),
    )


def _number(revision: Revision) -> int:
    return revision.revision
