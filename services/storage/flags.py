"""What was said of flags at run time: the `feature_flags` collection, one document a flag that is not as deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from services.storage.client import MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class FlagChange:
    """To what percentage a flag was set, when and by whom."""

    percent: float
    changed_at: datetime
    changed_by: str


class FlagStore:
    """Keeps changes until they are taken back."""

    def __init__(self, database: MongoDatabase) -> None:
        self._flags = database["feature_flags"]

    @reaching_mongodb
    def changes(self) -> Mapping[str, FlagChange]:
        """By the flag's name; a handful."""
        return {
            each["_id"]: FlagChange(each["percent"], each["changed_at"], each["changed_by"])
            for each in self._flags.find()
        }

    @reaching_mongodb
    def change(self, name: str, percent: float, user_id: str) -> None:
        now = datetime.now(UTC)
        self._flags.update_one(
            {"_id": name},
            {
                "$set": {
                    "percent": percent,
                    "changed_at": now.replace(microsecond=now.microsecond // 1000 * 1000),
                    "changed_by": user_id,
                }
            },
            upsert=True,
        )

    @reaching_mongodb
    def take_back(self, name: str) -> None:
        self._flags.delete_one({"_id": name})
