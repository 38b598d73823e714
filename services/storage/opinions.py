"""What people say of transcripts: `transcript_ratings`, one an answer and part, and `transcript_errors`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class Told:
    """Of which text it was said, and by whom: `by` is a part in the interview, no name."""

    session_id: str
    question_id: str
    answer_id: str
    revision: int
    whisper_model: str | None
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Rating:
    about: Told
    stars: int
    comment: str | None = None

    def as_document(self) -> Document:
        """For an export."""
        return {**_brief(self.about), "stars": self.stars, "comment": self.comment}


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """Words of the text, from `start_word` to before `end_word`, that are not what was said; `heard` are they."""

    id: str
    about: Told
    start_word: int
    end_word: int
    kind: str
    heard: str
    suggestion: str | None = None
    comment: str | None = None

    def as_document(self) -> Document:
        """For an export."""
        return {**_brief(self.about), **{name: getattr(self, name) for name in _OF_REPORTS}}


class OpinionStore:
    """Keeps ratings and reports of errors."""

    def __init__(self, database: MongoDatabase) -> None:
        self._ratings = database["transcript_ratings"]
        self._errors = database["transcript_errors"]

    @reaching_mongodb
    def rate(self, rating: Rating) -> None:
        """In the place of what the same part has said before."""
        row = {**asdict(rating.about), "stars": rating.stars, "comment": rating.comment}
        self._ratings.replace_one({"_id": _id_of(rating.about.answer_id, rating.about.by)}, row, upsert=True)

    @reaching_mongodb
    def unrate(self, answer_id: str, by: str) -> bool:
        """False when there was none."""
        return self._ratings.delete_one({"_id": _id_of(answer_id, by)}).deleted_count > 0

    @reaching_mongodb
    def ratings(self, answer_ids: Sequence[str]) -> Sequence[Rating]:
        """The newest first."""
        found = self._ratings.find({"answer_id": {"$in": list(answer_ids)}}).sort("at", -1)
        return [Rating(_told(each), each["stars"], each["comment"]) for each in found]

    @reaching_mongodb
    def count_reports(self, answer_id: str, *, at_most: int) -> int:
        return self._errors.count_documents({"answer_id": answer_id}, limit=at_most)

    @reaching_mongodb
    def report(self, report: ErrorReport) -> None:
        said = {name: getattr(report, name) for name in _OF_REPORTS}
        self._errors.insert_one({"_id": report.id, **asdict(report.about), **said})

    @reaching_mongodb
    def reports(self, answer_ids: Sequence[str]) -> Sequence[ErrorReport]:
        """The newest first."""
        found = self._errors.find({"answer_id": {"$in": list(answer_ids)}}).sort([("at", -1), ("_id", -1)])
        return [ErrorReport(each["_id"], _told(each), **{name: each[name] for name in _OF_REPORTS}) for each in found]


_OF_REPORTS = ("start_word", "end_word", "kind", "heard", "suggestion", "comment")


def _brief(about: Told) -> Document:
    return {name: getattr(about, name) for name in ("by", "at", "revision")}


def _id_of(answer_id: str, by: str) -> str:
    return f"{answer_id}:{by}"


def _told(found: Mapping[str, Any]) -> Told:
    named: Document = {name: found[name] for name in Told.__dataclass_fields__}
    return Told(**named)
