"""Links for candidates: one a session, revoked at once, replaced by another where one was lost."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.access import hash_of, new_token
from services.audit import Audit
from services.errors import Forbidden, NotFound
from services.models import Caller, Session
from services.storage.links import LinkStore


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link's token, which only its creation can show."""

    token: str
    expires_at: datetime


class Links:
    """Makes and revokes links, for the session's owner and for admins."""

    def __init__(self, store: LinkStore, audit: Audit, *, link_days: int) -> None:
        self._store = store
        self._audit = audit
        self._link_days = link_days

    def replace(self, caller: Caller, session: Session) -> NewLink:
        """A new link; the one before stops, and what was opened with it is closed."""
        self._record("link.create", caller, session)
        now = datetime.now(UTC)
        expires_at = now.replace(microsecond=now.microsecond // 1000 * 1000) + timedelta(days=self._link_days)
        token = new_token()
        if not self._store.replace(caller, session.id, token_hash=hash_of(token), expires_at=expires_at):
            raise NotFound("There is no such session.")
        return NewLink(token, expires_at)

    def revoke(self, caller: Caller, session: Session) -> None:
        """The link stops, and what was opened with it is closed; again is no error."""
        self._record("link.revoke", caller, session)
        self._store.revoke(caller, session.id, datetime.now(UTC))

    def _record(self, action: str, caller: Caller, session: Session) -> None:
        if caller.session_id is not None:
            raise Forbidden("A session link does not allow this.")
        # First: what cannot be recorded is not done.
        self._audit.record(action, caller, session_id=session.id, owner_id=session.owner_id)
