"""What one socket hears of one session: a snapshot, then each change, without a gap and never twice."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any

from services.answer_status import AnswerStatus, status_of
from services.models import Session
from services.storage.changes import Change

# More changes than this unread and a subscriber gets a snapshot instead of a longer queue.
QUEUE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every answer of a session as of `seq`."""

    seq: int
    answers: list[AnswerStatus]
    is_submitted: bool = False


@dataclass(frozen=True, slots=True)
class AnswerChanged:
    """One answer as of `seq`."""

    seq: int
    answer: AnswerStatus


Event = Snapshot | AnswerChanged


class Subscription:
    """What one socket hears; `token_hash` is that of the token it was opened by, where there is one."""

    def __init__(self, read: Callable[[], Session | None], token_hash: str | None = None) -> None:
        self.token_hash = token_hash
        # The session is there no more: whoever listened need not come back.
        self.is_gone = False
        self._is_doubted = threading.Event()
        self._read = read
        self._queue: Queue[Change | None] = Queue(QUEUE_LENGTH)
        self._is_behind = threading.Event()
        self._is_closed = threading.Event()
        self._seq = -1
        self._answers: dict[str, dict[str, Any]] = {}

    def put(self, change: Change) -> None:
        """Called by the watcher: never waits."""
        try:
            self._queue.put_nowait(change)
        except Full:
            self._is_behind.set()

    def start_over(self) -> None:
        """Called when changes may have been missed: the next thing heard is a snapshot."""
        self._is_behind.set()
        self._wake()

    def close(self) -> None:
        self._is_closed.set()
        self._wake()

    def end(self) -> None:
        """Called when the session is there no more."""
        self.is_gone = True
        self.close()

    def doubt(self) -> None:
        """Called when what opened the socket may have been revoked: its reader wakes, to find out."""
        self._is_doubted.set()
        self._wake()

    def take_doubt(self) -> bool:
        """Whether there was a doubt since the last time that this was asked."""
        was_doubted = self._is_doubted.is_set()
        self._is_doubted.clear()
        return was_doubted

    def events(self, idle_seconds: float) -> Iterator[Event | None]:
        """A snapshot, then each change; None after every `idle_seconds` without one. Ends when closed or deleted."""
        yield from self._snapshot()
        while not self._is_closed.is_set():
            change = self._next(idle_seconds)
            if self._is_behind.is_set():
                yield from self._snapshot()
            elif change is None:
                yield None
            elif change.seq is None or change.seq > self._seq + 1:
                yield from self._snapshot()
            elif change.seq == self._seq + 1 and (len(change.touched_questions()) > 1 or change.submits()):
                # One event, since a client drops a second one with the same `seq`.
                yield from self._snapshot()
            elif change.seq == self._seq + 1:
                yield from self._apply(change)

    def _next(self, idle_seconds: float) -> Change | None:
        try:
            return self._queue.get(timeout=idle_seconds)
        except Empty:
            return None

    def _snapshot(self) -> Iterator[Snapshot]:
        self._is_behind.clear()
        session = self._read()
        if session is None:
            self.is_gone = True
            self._is_closed.set()
            return
        self._seq = session.seq
        self._answers = {question_id: dict(answer) for question_id, answer in session.answers.items()}
        answers = [status_of(*item) for item in self._answers.items()]
        yield Snapshot(session.seq, answers, session.submitted_at is not None)

    def _apply(self, change: Change) -> Iterator[AnswerChanged]:
        self._seq = change.seq or self._seq
        for question_id in change.touched_questions():
            before = self._answers.get(question_id)
            after = change.applied_to(question_id, before)
            self._answers[question_id] = after
            status = status_of(question_id, after)
            if before is None or status != status_of(question_id, before):
                yield AnswerChanged(self._seq, status)

    def _wake(self) -> None:
        # A full queue needs no waking: its reader is busy and looks at the flags after each change.
        try:
            self._queue.put_nowait(None)
        except Full:
            return
