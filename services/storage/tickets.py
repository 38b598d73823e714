"""Tickets for live connections: the `tickets` collection, one document each until it is used or a minute is over."""

from datetime import datetime

from services.grants import Grant
from services.models import Caller
from services.storage.client import MongoDatabase, reaching_mongodb


class TicketStore:
    """Keeps a ticket by its hash, with what the credential it was made by gives."""

    def __init__(self, database: MongoDatabase) -> None:
        self._tickets = database["tickets"]

    @reaching_mongodb
    def save(self, ticket_hash: str, session_id: str, grant: Grant, *, expires_at: datetime) -> None:
        self._tickets.insert_one(
            {
                "_id": ticket_hash,
                "session_id": session_id,
                "expires_at": expires_at,
                "user_id": grant.caller.user_id,
                "role": grant.caller.role,
                "link_of": grant.caller.session_id,
                "token_hash": grant.token_hash,
                "grant_expires_at": grant.expires_at,
            }
        )

    @reaching_mongodb
    def take(self, ticket_hash: str, session_id: str, now: datetime) -> Grant | None:
        """What the ticket gives, once; None for one that is unknown, too old or for another session (and gone now)."""
        found = self._tickets.find_one_and_delete({"_id": ticket_hash})
        if found is None or found["session_id"] != session_id or found["expires_at"] <= now:
            return None
        caller = Caller(found["user_id"], found["role"], found["link_of"])
        return Grant(caller, found["token_hash"], found["grant_expires_at"])
