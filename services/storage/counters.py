"""What has been counted since the beginning: the `counters` collection, one document a kind of work and its label.

Not derived from the work itself: that is erased with its interview, and a counter may only rise. And not kept in a
process: workers answer no scrape, and a restart would begin anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.storage.client import MongoDatabase, reaching_mongodb


@dataclass(frozen=True, slots=True)
class Counter:
    """How often each thing happened to one kind of work, told apart by a label such as the provider."""

    kind: str
    label: str
    counts: Mapping[str, Any]


class CounterStore:
    """Adds and reads; a few documents."""

    def __init__(self, database: MongoDatabase) -> None:
        self._counters = database["counters"]

    @reaching_mongodb
    def add(self, kind: str, label: str, counts: Mapping[str, float]) -> None:
        """Names in `counts` are paths of fields."""
        named = {f"counts.{name}": number for name, number in counts.items()}
        where = {"_id": f"{kind}:{label}", "kind": kind, "label": label}
        self._counters.update_one(where, {"$inc": named}, upsert=True)

    @reaching_mongodb
    def all(self) -> list[Counter]:
        # By the index of ids, which every collection has.
        found = self._counters.find({"_id": {"$gte": ""}}).sort("_id", 1)
        return [Counter(each["kind"], each["label"], each["counts"]) for each in found]
