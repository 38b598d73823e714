"""Every text there was for an answer: read one by one, listed, and all of a session's for an export."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from pymongo.client_session import ClientSession

from services.models import Passage, Segment
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.heard_windows import as_segment
from services.storage.partials import IS_REVISION

# Authors that are no person with a name.
WORKER, TYPED, CANDIDATE = "worker", "typed", "candidate"
MOST_LISTED = 1000


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
    author: str | None = None
    restored_from: int | None = None

    @property
    def was_heard(self) -> bool:
        """Whether a model wrote it, ours or that of somebody's worker."""
        return not self.is_edited and self.author in (None, WORKER) and self.restored_from is None

    def as_document(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """What a list tells of a revision: all but its text. `author` as in `NewRevision`."""

    revision: int
    created_at: datetime
    is_edited: bool
    author: str | None
    restored_from: int | None
    words: int


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
    def list_of(self, answer_id: str) -> Sequence[RevisionLine]:
        """The newest of an answer's texts first, at most `MOST_LISTED`."""
        counted = {"$size": {"$regexFindAll": {"input": {"$ifNull": ["$text", ""]}, "regex": r"\S+"}}}
        names = ("revision", "created_at", "is_edited", "author", "restored_from")
        told = {**dict.fromkeys(names, 1), "words": {"$ifNull": ["$word_count", counted]}}
        where = {"$match": {"answer_id": answer_id, **IS_REVISION}}
        newest = {"$sort": {"revision": -1}}
        found = self._transcripts.aggregate([where, newest, {"$limit": MOST_LISTED}, {"$project": told}])
        return [_as_line(each) for each in found]

    @reaching_mongodb
    def find(self, answer_id: str, number: int, transaction: ClientSession | None = None) -> Revision | None:
        """One text of an answer."""
        found = self._transcripts.find_one({"answer_id": answer_id, "revision": number}, session=transaction)
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
        author=found.get("author"),
        restored_from=found.get("restored_from"),
    )


def _as_line(found: Document) -> RevisionLine:
    return RevisionLine(
        revision=found["revision"],
        created_at=found["created_at"],
        is_edited=found.get("is_edited", False),
        author=found.get("author"),
        restored_from=found.get("restored_from"),
        words=found["words"],
    )


def _number(revision: Revision) -> int:
    return revision.revision
