"""Tickets: what a client that can set neither a header nor a cookie opens a live connection with, once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.access import Access, hash_of, new_token
from services.errors import Unauthorized
from services.grants import Grant
from services.storage.tickets import TicketStore

LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Ticket:
    """Shown once, and stored as a hash."""

    ticket: str
    expires_at: datetime


class Tickets:
    """Makes tickets, and takes them."""

    def __init__(self, store: TicketStore, access: Access) -> None:
        self._store = store
        self._access = access

    def issue(self, grant: Grant, session_id: str) -> Ticket:
        """A ticket for one connection to that session, by the right of `grant` and not for longer."""
        now = datetime.now(UTC)
        ends = [now.replace(microsecond=now.microsecond // 1000 * 1000) + LIFETIME]
        expires_at = min([*ends, grant.expires_at] if grant.expires_at is not None else ends)
        ticket = new_token()
        self._store.save(hash_of(ticket), session_id, grant, expires_at=expires_at)
        return Ticket(ticket, expires_at)

    def redeem(self, ticket: str, session_id: str) -> Grant:
        """What the ticket was made by, as it is now; raises `Unauthorized` from the second time on."""
        found = self._store.take(hash_of(ticket), session_id, datetime.now(UTC))
        if found is None:
            raise Unauthorized("The ticket is not valid, or not valid any more.")
        return self._access.renewed(found)
