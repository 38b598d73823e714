"""Interviews: started by their owner, opened by whoever holds their link."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from services.access import hash_of, new_token
from services.errors import Forbidden, InvalidRequest, NotFound
from services.features import features_for
from services.flags import Flags
from services.models import Caller, Hints, Question, Session
from services.storage.sessions import SessionStore

NO_HINTS = Hints()


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session with its link's token, which only its creation can show."""

    session: Session
    link_token: str
    link_expires_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """Some sessions, and the cursor of the next page (None: this was the last)."""

    sessions: Sequence[Session]
    next: tuple[datetime, str] | None


class Sessions:
    """Starts and reads interviews."""

    def __init__(self, store: SessionStore, flags: Flags, *, link_days: int) -> None:
        self._store = store
        self._flags = flags
        self._link_days = link_days

    def start(
        self,
        caller: Caller,
        questions: Sequence[Question],
        *,
        language: str | None,
        details: Mapping[str, Any],
        hints: Hints = NO_HINTS,
    ) -> NewSession:
        """Start an interview; raises `InvalidRequest` for a question id that occurs twice.

        `hints` is what else is known of every answer; an answer may come with a language of its own.
        """
        if caller.session_id is not None:
            raise Forbidden("A session link cannot start sessions.")
        if len({question.id for question in questions}) < len(questions):
            raise InvalidRequest("Two questions have the same id.", code="duplicate_question_id")
        # Mongo keeps milliseconds; what is answered now must equal what is read later.
        now = datetime.now(UTC)
        session_id = token_hex(12)
        session = Session(
            id=session_id,
            owner_id=caller.user_id,
            questions=tuple(questions),
            answers={},
            seq=0,
            created_at=now.replace(microsecond=now.microsecond // 1000 * 1000),
            language=language,
            details={**details, "features": dict(features_for(self._flags, session_id))},
            task=hints.task,
            initial_prompt=hints.initial_prompt,
            vocabulary=hints.vocabulary,
        )
        token, expires_at = new_token(), session.created_at + timedelta(days=self._link_days)
        self._store.create(session, {"token_hash": hash_of(token), "expires_at": expires_at})
        return NewSession(session, token, expires_at)

    def get(self, caller: Caller, session_id: str) -> Session:
        """The session; raises `NotFound` for a missing one and for another person's alike."""
        session = self._store.find(caller, session_id)
        if session is None:
            raise NotFound("There is no such session.")
        return session

    def list_of(self, caller: Caller, *, after: tuple[datetime, str] | None, limit: int) -> Page:
        """The caller's own sessions, newest first."""
        if caller.session_id is not None:
            raise Forbidden("A session link cannot list sessions.")
        found = self._store.list_of(caller.user_id, before=after, limit=limit + 1)
        page = found[:limit]
        return Page(page, (page[-1].created_at, page[-1].id) if len(found) > limit else None)
