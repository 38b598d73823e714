"""How well models hear, by what people made of their transcripts and said of them. For one or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.revisions import RevisionStore


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """`corrected` transcripts were edited by a person, and compared: `word_errors` of `words` were wrong in them.

    `rewritten` ones have more errors than words: whoever wrote them wrote something else, and they say nothing.
    """

    whisper_model: str
    transcripts: int = 0
    corrected: int = 0
    rewritten: int = 0
    word_errors: int = 0
    words: int = 0
    ratings: int = 0
    stars: int = 0
    error_reports: int = 0

    @property
    def wer(self) -> float | None:
        return round(self.word_errors / self.words, 4) if self.words else None

    @property
    def mean_stars(self) -> float | None:
        return round(self.stars / self.ratings, 2) if self.ratings else None


@dataclass(frozen=True, slots=True)
class HeardText:
    """A transcript by a model: what was heard, and what it reads now; `is_corrected` where a person edited it since."""

    whisper_model: str
    language: str | None
    heard: str
    text: str
    is_corrected: bool


class QualityStore:
    """Counts rows, each collection by one query that an index covers; and reads texts, for who compares them anew."""

    def __init__(self, database: MongoDatabase) -> None:
        self._current = database["current_transcripts"]
        self._ratings = database["transcript_ratings"]
        self._errors = database["transcript_errors"]
        self._sessions = database["interview_sessions"]
        self._revisions = RevisionStore(database)

    @reaching_mongodb
    def of_models(self, since: datetime, whisper_model: str | None) -> list[ModelQuality]:
        """By the model's name. Counted are transcripts heard since then, and what was said since then."""
        model: Any = {"$gt": ""} if whisper_model is None else whisper_model
        # As `WordErrors.is_rewriting`; what was never corrected has neither.
        is_corrected = {"$and": [{"$gt": ["$errors.words", None]}, {"$lte": ["$errors.errors", "$errors.words"]}]}
        of_texts = {
            "transcripts": {"$sum": 1},
            "corrected": {"$sum": {"$cond": [is_corrected, 1, 0]}},
            "rewritten": {"$sum": {"$cond": [{"$gt": ["$errors.errors", "$errors.words"]}, 1, 0]}},
            "word_errors": {"$sum": {"$cond": [is_corrected, "$errors.errors", 0]}},
            "words": {"$sum": {"$cond": [is_corrected, "$errors.words", 0]}},
        }
        of_ratings = {"ratings": {"$sum": 1}, "stars": {"$sum": "$stars"}}
        counts: dict[str, dict[str, int]] = {}
        for collection, at, sums in (
            (self._current, "heard_at", of_texts),
            (self._ratings, "at", of_ratings),
            (self._errors, "at", {"error_reports": {"$sum": 1}}),
        ):
            where = {"whisper_model": model, at: {"$gte": since}}
            for row in collection.aggregate(_counted(where, sums)):
                counts.setdefault(row.pop("_id"), {}).update(row)
        return [ModelQuality(name, **counts[name]) for name in sorted(counts)]

    @reaching_mongodb
    def count_texts(self) -> int:
        """About how many `texts` there are."""
        return self._current.estimated_document_count()

    @reaching_mongodb
    def texts(self, after: str, *, limit: int) -> list[tuple[str, HeardText | None]]:
        """By the ids of their answers, from `after` on; None for one that no model heard, or that is being erased."""
        rows = list(
            self._current.find({"_id": {"$gt": after}}, dict.fromkeys(_OF_TEXTS, 1)).sort("_id", 1).limit(limit)
        )
        where = {"_id": {"$in": [each["session_id"] for each in rows]}}
        there = {each["_id"]: each["answer_ids"] for each in self._sessions.find(where, {"answer_ids": 1})}
        return [
            (row["_id"], self._heard_of(row) if row["_id"] in there.get(row["session_id"], ()) else None)
            for row in rows
        ]

    def _heard_of(self, row: Document) -> HeardText | None:
        if row["whisper_model"] is None:
            return None
        heard = row["text"]
        if row["is_edited"]:
            first = self._revisions.first(row["_id"])
            if first is None or not first.was_heard:
                return None
            heard = first.text
        return HeardText(row["whisper_model"], row["language"], heard, row["text"], row["is_edited"])


_OF_TEXTS = ("session_id", "whisper_model", "language", "text", "is_edited")


def _counted(where: Mapping[str, Any], sums: Mapping[str, Any]) -> list[Document]:
    return [{"$match": where}, {"$group": {"_id": "$whisper_model", **sums}}]
