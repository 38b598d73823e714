"""Consent to being recorded: given by whoever speaks or told by whoever asks, withdrawn by either."""

from datetime import UTC, datetime

from services.audit import Audit
from services.errors import ConsentRequired, NotFound
from services.models import Caller, Session
from services.storage.consents import ConsentStore


class Consents:
    """Keeps consents, and says at every door for recordings whether there is one.

    The write that takes a recording in asks again (storage/acceptance.py); this spares everybody the body.
    """

    def __init__(self, store: ConsentStore, audit: Audit, *, is_required: bool) -> None:
        self.is_required = is_required
        self._store = store
        self._audit = audit

    def require(self, session: Session) -> None:
        """Raise `ConsentRequired` unless a recording may come in; a consent that was withdrawn counts always."""
        consent = session.details.get("consent") or {}
        is_withdrawn = consent.get("withdrawn_at") is not None
        if is_withdrawn or (self.is_required and consent.get("given_at") is None):
            raise ConsentRequired

    def give(self, caller: Caller, session: Session, text: str, given_at: datetime | None) -> None:
        """Keep what was agreed to, in the words that were shown; a newer one takes the place of an older one."""
        now = datetime.now(UTC)
        recorded_at = now.replace(microsecond=now.microsecond // 1000 * 1000)
        by = (
            "candidate" if caller.session_id is not None else "owner" if caller.user_id == session.owner_id else "admin"
        )
        consent = {"text": text, "given_at": given_at or recorded_at, "recorded_at": recorded_at, "given_by": by}
        self._record("consent.give", caller, session)
        if not self._store.save(session.id, consent):
            raise NotFound("There is no such session.")

    def withdraw(self, caller: Caller, session: Session) -> None:
        """No further recording is taken; what there is stays until it is erased. Again changes nothing."""
        consent = session.details.get("consent") or {}
        if consent.get("withdrawn_at") is not None:
            return
        if consent.get("given_at") is None:
            raise NotFound("There is no consent to withdraw.", code="no_consent")
        self._record("consent.withdraw", caller, session)
        self._store.withdraw(session.id)

    def _record(self, action: str, caller: Caller, session: Session) -> None:
        self._audit.record(action, caller, session_id=session.id, owner_id=session.owner_id)
