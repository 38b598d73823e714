"""Live updates: MongoDB's change stream, handed on to whoever watches a session.

One watcher per process reads every change and puts it into the queue of each subscription to that session. A
subscription belongs to one socket's thread: it reads a snapshot after it was registered and then follows the changes,
so that nothing falls in between. A gap in `seq` is healed by another snapshot.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from queue import Empty, Full, Queue
from typing import Any

import structlog

from services.answer_status import AnswerStatus, status_of
from services.models import Session
from services.storage.changes import Change, ChangeStream

log = structlog.get_logger()

# More changes than this unread and a subscriber gets a snapshot instead of a longer queue.
QUEUE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every answer of a session as of `seq`."""

    seq: int
    answers: list[AnswerStatus]


@dataclass(frozen=True, slots=True)
class AnswerChanged:
    """One answer as of `seq`."""

    seq: int
    answer: AnswerStatus


Event = Snapshot | AnswerChanged


class Subscription:
    """What one socket hears of one session."""

    def __init__(self, read: Callable[[], Session | None]) -> None:
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
            elif change.seq == self._seq + 1 and len(change.touched_questions()) > 1:
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
            self._is_closed.set()
            return
        self._seq = session.seq
        self._answers = {question_id: dict(answer) for question_id, answer in session.answers.items()}
        yield Snapshot(session.seq, [status_of(*item) for item in self._answers.items()])

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


class LiveFeed:
    """The subscriptions of this process, fed by one change stream."""

    def __init__(self, changes: ChangeStream, read: Callable[[str], Session | None]) -> None:
        self._changes = changes
        self._read = read
        self._lock = threading.Lock()
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._is_closed = False
        self._thread = threading.Thread(target=self._watch, name="live-feed", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Stop watching and end every subscription, so that their sockets close."""
        self._changes.close()
        with self._lock:
            self._is_closed = True
        for subscription in self._all():
            subscription.close()

    def subscribe(self, session_id: str) -> Subscription:
        subscription = Subscription(lambda: self._read(session_id))
        with self._lock:
            self._subscriptions.setdefault(session_id, set()).add(subscription)
            if self._is_closed:
                subscription.close()
        return subscription

    def unsubscribe(self, session_id: str, subscription: Subscription) -> None:
        with self._lock:
            remaining = self._subscriptions.get(session_id, set())
            remaining.discard(subscription)
            if not remaining:
                self._subscriptions.pop(session_id, None)

    def _watch(self) -> None:
        while not self._changes.is_closed:
            try:
                for change in self._changes.follow(on_gap=self._start_over):
                    self._hand_on(change)
            except Exception:
                # Without this thread every socket would stay open and silent.
                log.exception("The live feed failed and begins anew.")
                self._start_over()

    def _hand_on(self, change: Change) -> None:
        with self._lock:
            listeners = list(self._subscriptions.get(change.session_id, ()))
        for subscription in listeners:
            subscription.put(change)

    def _start_over(self) -> None:
        for subscription in self._all():
            subscription.start_over()

    def _all(self) -> list[Subscription]:
        with self._lock:
            return [each for subscriptions in self._subscriptions.values() for each in subscriptions]
