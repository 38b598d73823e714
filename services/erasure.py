"""Erasing an interview or a person: a tombstone first, then everything, then a look whether anything is left.

The tombstone fences: no reader finds the session and no writer matches it from that moment on. What a process that dies
leaves undone, and what somebody who had begun before wrote late, the sweep finds by the tombstone.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

import structlog

from services.access import OWNER, hash_of
from services.errors import Forbidden, NotFound, Unavailable
from services.models import Caller
from services.storage.audit import AuditRow, new_row
from services.storage.tombstones import Tombstone, TombstoneStore
from services.storage.traces import PERSON_TRACES, SESSION_TRACES, Trace, TraceStore

log = structlog.get_logger()

# How long an erasure may go without a sign of life before another process finishes it.
ABANDONED_SECONDS = 30
# When to look again for what came late: after any request that was under way, and once more to be sure.
LOOKS_AFTER_SECONDS = (90, 3600)
# How often what was written meanwhile is removed at once, before that is left to the sweep.
ROUNDS = 3
# A person with many interviews: what is not done by then the sweep goes on with.
REQUEST_SECONDS = 10
SESSIONS_AT_ONCE = 100
SWEPT_AT_ONCE = 100


# Who finishes an erasure after the one who asked for it is gone.
SWEEP = Caller("sweep", role="system")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What an erasure removed, by kind of row, and what is still there: nothing, once it is complete."""

    subject_hash: str
    erased_at: datetime
    removed: Mapping[str, int]
    residue: Mapping[str, int]
    is_complete: bool


class Erasure:
    """Erases, and finishes what was begun."""

    def __init__(self, tombstones: TombstoneStore, traces: TraceStore) -> None:
        self._tombstones = tombstones
        self._traces = traces

    def erase_session(
        self, actor: Caller, session_id: str, owner_id: str, *, unchanged_since: datetime | None = None
    ) -> Receipt:
        """Erase an interview. Who may do so is checked at the door.

        Raises `NotFound` when it is gone already, or has changed since then.
        """
        begun = self._begin(actor, session_id, owner_id, unchanged_since)
        if begun is None:
            raise NotFound("There is no such session.")
        return self._finish_if_possible(begun, actor)

    def erase_person(self, actor: Caller, user_id: str) -> Receipt:
        """Erase every interview a person owns, their tokens and what else is kept under their name.

        Raises `Forbidden` unless an admin asks, or the person.
        """
        if actor.session_id is not None or (actor.role != "admin" and actor.user_id != user_id):
            raise Forbidden("Only an admin may erase another person.")
        salt = token_hex(16)
        row = _row("person.erase", actor, session_hash=None, owner_id=user_id, owner_hash=_owner_hash(salt, user_id))
        begun = self._tombstones.begin_person(user_id, salt=salt, row=row, seconds=ABANDONED_SECONDS)
        return self._finish_if_possible(begun, actor)

    def sweep(self) -> int:
        """Finish what was begun, and look again after what was finished; how many tombstones there were to look at."""
        for count in range(SWEPT_AT_ONCE):
            tombstone = self._tombstones.take_due(seconds=ABANDONED_SECONDS)
            if tombstone is None:
                return count
            self._finish(tombstone, SWEEP)
        return SWEPT_AT_ONCE

    def _begin(
        self, actor: Caller, session_id: str, owner_id: str, unchanged_since: datetime | None = None
    ) -> Tombstone | None:
        hashes = {"session_hash": hash_of(session_id), "owner_hash": _owner_hash(session_id, owner_id)}
        row = _row("session.erase", actor, owner_id=owner_id, **hashes)
        return self._tombstones.begin(
            session_id, salt=session_id, row=row, seconds=ABANDONED_SECONDS, unchanged_since=unchanged_since
        )

    def _finish_if_possible(self, begun: Tombstone, actor: Caller) -> Receipt:
        try:
            return self._finish(begun, actor)
        except Unavailable as error:
            # It cannot be taken back any more: the tombstone stands, and the sweep does the rest.
            log.warning("An erasure was left to the sweep.", reason=error.message)
            return Receipt(_subject_hash(begun), begun.begun_at, begun.removed, {}, is_complete=False)

    def _finish(self, tombstone: Tombstone, actor: Caller) -> Receipt:
        """Remove and check until nothing is left, or until what is left has to wait for the sweep."""
        ends_at = time.monotonic() + REQUEST_SECONDS
        traces = _traces_of(tombstone)
        before = tombstone.removed
        residue: Mapping[str, int] = {}
        for _ in range(ROUNDS):
            self._remove(tombstone, traces)
            if tombstone.kind == "person":
                self._erase_sessions_of(actor, tombstone, ends_at)
            residue = self._traces.residue(self._tombstones.note_files(tombstone), traces)
            if not residue or time.monotonic() > ends_at:
                break
        removed = self._tombstones.counted(tombstone)
        if not residue:
            self._settle(tombstone, found_more=removed != before)
        log.info("An erasure was worked on.", subject=_subject_hash(tombstone), removed=dict(removed), residue=residue)
        return Receipt(_subject_hash(tombstone), datetime.now(UTC), removed, residue, is_complete=not residue)

    def _remove(self, tombstone: Tombstone, traces: Sequence[Trace]) -> None:
        self._traces.remove_chunks(self._tombstones.note_files(tombstone))
        for trace in traces:
            self._traces.remove(tombstone, trace)
        owner_hash = _owner_hash(tombstone.salt, tombstone.owner_id)
        self._traces.hide_in_audit(tombstone, subject_hash=_subject_hash(tombstone), owner_hash=owner_hash)

    def _erase_sessions_of(self, actor: Caller, tombstone: Tombstone, ends_at: float) -> None:
        while session_ids := self._tombstones.sessions_of(tombstone, limit=SESSIONS_AT_ONCE):
            for session_id in session_ids:
                if time.monotonic() > ends_at:
                    return
                begun = self._begin(actor, session_id, tombstone.owner_id)
                if begun is not None:
                    self._tombstones.add(tombstone, self._finish(begun, actor).removed)

    def _settle(self, tombstone: Tombstone, *, found_more: bool) -> None:
        """Nothing is left: look again later, from the first time on where something had come late."""
        looks = 0 if found_more else tombstone.looks
        if looks < len(LOOKS_AFTER_SECONDS):
            self._tombstones.look_again(tombstone, seconds=LOOKS_AFTER_SECONDS[looks], looks=looks + 1)
        else:
            self._tombstones.end(tombstone)


def _traces_of(tombstone: Tombstone) -> Sequence[Trace]:
    if tombstone.kind == "session":
        return SESSION_TRACES
    if tombstone.looks > 0:
        # They were all gone once. Whatever is there by now may be of one who has come back: nothing tells it apart.
        return ()
    # The first token opens the house, it is not a person's alone.
    keeps_tokens = tombstone.subject_id == OWNER.user_id
    return [trace for trace in PERSON_TRACES if not (keeps_tokens and trace.collection == "access_tokens")]


def _subject_hash(tombstone: Tombstone) -> str:
    return hash_of(tombstone.subject_id if tombstone.kind == "session" else f"{tombstone.salt}:{tombstone.subject_id}")


def _owner_hash(salt: str, owner_id: str) -> str:
    """A name can be guessed, so its hash alone would hide nothing: it takes the salt, which goes with the tombstone."""
    return hash_of(f"{salt}:{owner_id}")


def _row(action: str, actor: Caller, *, session_hash: str | None, owner_id: str, owner_hash: str) -> AuditRow:
    actor_id = owner_hash if actor.user_id == owner_id else actor.user_id
    return new_row(
        action, actor_id=actor_id, actor_role=actor.role, session_id=session_hash, owner_id=owner_hash, details={}
    )
