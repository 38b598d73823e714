"""What people agreed to, in the session that it is about: acceptance.py looks for it there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from services.storage.client import Document, MongoDatabase, reaching_mongodb


class ConsentStore:
    """Writes `details.consent`, which goes with its session."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def save(self, session_id: str, consent: Mapping[str, Any]) -> bool:
        """Put a consent in the place of what was there; False where the session is gone."""
        return self._change({"_id": session_id}, {"details.consent": dict(consent)})

    @reaching_mongodb
    def withdraw(self, session_id: str) -> bool:
        """Mark it as withdrawn, once; False where there is none that stands."""
        stands = {"details.consent.given_at": {"$ne": None}, "details.consent.withdrawn_at": None}
        now = datetime.now(UTC)
        at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        return self._change({"_id": session_id, **stands}, {"details.consent.withdrawn_at": at})

    def _change(self, where: Document, changed: Document) -> bool:
        change = {"$set": changed, "$currentDate": {"updated_at": True}}
        return bool(self._sessions.update_one(where, change).matched_count)
