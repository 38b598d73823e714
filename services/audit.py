"""The audit log: who did what to whose interview, written before or with the deed, never after it was forgotten."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.models import Caller
from services.storage.audit import AuditRow, AuditStore, new_row


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some rows, and the cursor of the next page (None: this was the last)."""

    rows: Sequence[AuditRow]
    next: tuple[datetime, str] | None


class Audit:
    """Adds rows to the audit log and reads it."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store

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

    def list_of(
        self, *, session_id: str | None = None, after: tuple[datetime, str] | None = None, limit: int = 50
    ) -> AuditPage:
        """Rows, newest first: of one session, or all."""
        found = self._store.list_of(session_id=session_id, before=after, limit=limit + 1)
        page = found[:limit]
        return AuditPage(page, (page[-1].at, page[-1].id) if len(found) > limit else None)
