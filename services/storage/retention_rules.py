"""How long owners keep what is theirs, and which sessions are older than that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from services.storage.client import Document, MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Of one owner; None leaves it to the operator's settings."""

    owner_id: str
    transcript_days: int | None = None
    failed_audio_hours: int | None = None


class RetentionRuleStore:
    """The `retention_rules` collection, one document an owner."""

    def __init__(self, database: MongoDatabase) -> None:
        self._rules = database["retention_rules"]

    @reaching_mongodb
    def find(self, owner_id: str) -> RetentionRule:
        found = self._rules.find_one({"_id": owner_id})
        return RetentionRule(owner_id) if found is None else _as_rule(found)

    @reaching_mongodb
    def save(self, rule: RetentionRule) -> None:
        changed = {
            "owner_id": rule.owner_id,
            "transcript_days": rule.transcript_days,
            "failed_audio_hours": rule.failed_audio_hours,
            "updated_at": datetime.now(UTC),
        }
        self._rules.update_one({"_id": rule.owner_id}, {"$set": changed}, upsert=True)

    @reaching_mongodb
    def with_transcript_days(self) -> Sequence[RetentionRule]:
        return [_as_rule(each) for each in self._rules.find({"transcript_days": {"$gt": 0}})]

    @reaching_mongodb
    def with_failed_audio_hours(self) -> Sequence[RetentionRule]:
        return [_as_rule(each) for each in self._rules.find({"failed_audio_hours": {"$gte": 0}})]


def unchanged(time: datetime) -> Document:
    """Of sessions that have not changed since then, and in which nothing waits."""
    # What has never changed since there was such a field has none.
    return {"created_at": {"$lt": time}, "updated_at": {"$not": {"$gte": time}}, "open.0": {"$exists": False}}


class OldSessionStore:
    """Sessions by their last change. Only those are looked at that were made before: there are few of them left."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def unchanged_since(self, time: datetime, *, owner_id: str | None, limit: int) -> Sequence[tuple[str, str]]:
        """The (id, owner) of sessions of an owner, or of anybody, in which nothing waits; the oldest first."""
        where: Document = unchanged(time) if owner_id is None else {"owner_id": owner_id, **unchanged(time)}
        found = self._sessions.find(where, {"owner_id": 1}).sort("created_at", 1).limit(limit)
        return [(each["_id"], each["owner_id"]) for each in found]


def _as_rule(found: Document) -> RetentionRule:
    return RetentionRule(found["owner_id"], found["transcript_days"], found["failed_audio_hours"])
