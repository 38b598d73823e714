"""How much text one interview may hold: MongoDB takes no document beyond 16 MiB, and its workers must go on writing."""

from pymongo.collection import Collection

from services.errors import Conflict
from services.storage.client import Document

# What is above it is for transcripts of recordings that are here already, for scores, and for what is on its way.
MOST_BYTES = 12 * 1024 * 1024


def require_room(sessions: Collection[Document], session_id: str) -> None:
    """Raise `Conflict` where an interview holds so much that no text of people or of outside workers is taken."""
    is_full = {"$expr": {"$gt": [{"$bsonSize": "$$ROOT"}, MOST_BYTES]}}
    if sessions.find_one({"_id": session_id, **is_full}, {"_id": 1}) is not None:
        raise Conflict("The interview holds as much text as it can.", code="session_full")
