"""Every text there was for the answers of a session, read for an export."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.models import Segment
from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class Revision:
    """One text of an answer; what a person has edited has no segments."""

    revision: int
    text: str
    language: str | None
    segments: tuple[Segment, ...]
    is_edited: bool
    created_at: datetime

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
        for found in self._transcripts.find({"session_id": session_id}):
            revisions[found["answer_id"]].append(_as_revision(found))
        return {answer_id: sorted(each, key=_number) for answer_id, each in revisions.items()}


def _as_revision(found: Document) -> Revision:
    segments = tuple(Segment(each["start"], each["end"], each["text"]) for each in found["segments"])
    return Revision(
        revision=found["revision"],
        text=found.get("text", ""),
        language=found["language"],
        segments=segments,
        is_edited=found.get("is_edited", False),
        created_at=found["created_at"],
    )


def _number(revision: Revision) -> int:
    return revision.revision
