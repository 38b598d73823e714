"""How well models hear, by what people made of their transcripts and said of them. For one or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class ModelQuality:
    """`corrected` transcripts were edited by a person, and so compared: `word_errors` of `words` were wrong in them."""

    whisper_model: str
    transcripts: int = 0
    corrected: int = 0
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


class QualityStore:
    """Counts rows, each collection by one query that an index covers."""

    def __init__(self, database: MongoDatabase) -> None:
        self._current = database["current_transcripts"]
        self._ratings = database["transcript_ratings"]
        self._errors = database["transcript_errors"]

    @reaching_mongodb
    def of_models(self, since: datetime, whisper_model: str | None) -> list[ModelQuality]:
        """By the model's name. Counted are transcripts heard since then, and what was said since then."""
        model: Any = {"$gt": ""} if whisper_model is None else whisper_model
        of_texts = {
            "transcripts": {"$sum": 1},
            "corrected": {"$sum": {"$cond": [{"$gt": ["$errors.words", None]}, 1, 0]}},
            "word_errors": {"$sum": "$errors.errors"},
            "words": {"$sum": "$errors.words"},
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


def _counted(where: Mapping[str, Any], sums: Mapping[str, Any]) -> list[Document]:
    return [{"$match": where}, {"$group": {"_id": "$whisper_model", **sums}}]
