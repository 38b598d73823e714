"""Links of sessions: part of the session's document, changed by its owner or an admin."""

from datetime import datetime

from services.models import Caller
from services.storage.client import Document, MongoDatabase, reaching_mongodb


class LinkStore:
    """Replaces and revokes links. `seq` is raised by it, so that the live feed of every process hears of it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def replace(self, caller: Caller, session_id: str, *, token_hash: str, expires_at: datetime) -> bool:
        """Give the session another link in place of the one it had; False when there is no such session of theirs."""
        link = {"token_hash": token_hash, "expires_at": expires_at}
        result = self._sessions.update_one(_theirs(caller, session_id), {"$set": {"link": link}, "$inc": {"seq": 1}})
        return result.matched_count == 1

    @reaching_mongodb
    def revoke(self, caller: Caller, session_id: str, now: datetime) -> None:
        """Leave the session without a link; nothing happens where it has none."""
        # No hash looks like this, and the unique index wants every session to have another one.
        nothing = f"revoked:{session_id}"
        self._sessions.update_one(
            {**_theirs(caller, session_id), "link.token_hash": {"$ne": nothing}},
            {"$set": {"link": {"token_hash": nothing, "expires_at": now}}, "$inc": {"seq": 1}},
        )


def _theirs(caller: Caller, session_id: str) -> Document:
    return {"_id": session_id, **({} if caller.role == "admin" else {"owner_id": caller.user_id})}
