"""What was said of flags at run time: the `feature_flags` collection, one document a flag that is not as deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.storage.client import Document, MongoDatabase, reaching_mongodb

# By the index of ids, which every collection has.
EVERY: Document = {"_id": {"$gte": ""}}


@dataclass(frozen=True, slots=True)
class FlagChange:
    """To what percentage a flag was set and when; by whom stands in the audit log."""

    percent: float
    changed_at: datetime


class FlagStore:
    """Keeps changes until they are taken back."""

    def __init__(self, database: MongoDatabase) -> None:
        self._flags = database["feature_flags"]

    @reaching_mongodb
    def changes(self) -> Mapping[str, FlagChange]:
        """By the flag's name; a handful."""
        return {each["_id"]: FlagChange(each["percent"], each["changed_at"]) for each in self._flags.find(EVERY)}

    @reaching_mongodb
    def change(self, name: str, percent: float) -> None:
        now = datetime.now(UTC)
        changed_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        changed = {"percent": percent, "changed_at": changed_at}
        self._flags.update_one({"_id": name}, {"$set": changed}, upsert=True)

    @reaching_mongodb
    def take_back(self, name: str) -> None:
        self._flags.delete_one({"_id": name})
