"""The audit log: who did what to whose interview, written before or with the deed, never after it was forgotten."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.models import Caller, Session
from services.storage.audit import AuditRow, AuditStore, new_row

# Who looks at a session again and again (a page that polls) leaves one row in this time, from each web process.
ONE_READ_SECONDS = 600.0
REMEMBERED_READS = 10_000


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some rows, and the cursor of the next page (None: this was the last)."""

    rows: Sequence[AuditRow]
    next: tuple[datetime, str] | None


class Audit:
    """Adds rows to the audit log and reads it."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._reads: dict[tuple[str, str], float] = {}

    def record(
        self,
        action: str,
        actor: Caller,
        *,
        session_id: str | None = None,
        owner_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a row (`action` is "noun.verb"); raises `Unavailable`, and then the deed has to be refused.

        `details` holds ids, counts and codes: never what was said, a name that a person chose, or a token.
        """
        self._store.add(
            new_row(
                action,
                actor_id=actor.user_id,
                actor_role=actor.role,
                session_id=session_id,
                owner_id=owner_id,
                details=dict(details or {}),
            )
        )

    def record_read(self, actor: Caller, session: Session, *, door: str, is_connection: bool) -> None:
        """Record that somebody reads another person's interview; `door` is the route's template.

        Every live connection leaves a row; of other reads one in `ONE_READ_SECONDS` does. Raises `Unavailable`.
        """
        key, now = (actor.user_id, session.id), time.monotonic()
        with self._lock:
            is_known = now - self._reads.get(key, -ONE_READ_SECONDS) < ONE_READ_SECONDS
        if is_known and not is_connection:
            return
        self.record("transcript.read", actor, session_id=session.id, owner_id=session.owner_id, details={"door": door})
        with self._lock:
            if len(self._reads) >= REMEMBERED_READS:
                self._reads.clear()
            self._reads[key] = now

    def list_of(
        self, *, session_id: str | None = None, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> AuditPage:
        """Rows, newest first: of one session, or all."""
        found = self._store.list_of(session_id=session_id, before=after, limit=limit + 1)
        page = found[:limit]
        return AuditPage(page, (page[-1].at, page[-1].id) if len(found) > limit else None)
