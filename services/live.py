"""Live updates: MongoDB's change streams, handed on to whoever watches a session.

One watcher per process reads every change and puts it into the queue of each subscription to that session. A
subscription belongs to one socket's thread: it reads a snapshot after it was registered and then follows the changes,
so that nothing falls in between. A gap in `seq` is healed by another snapshot. A second watcher hears of access tokens
that are deleted, and a link that changes is a change of its session: whoever came in by one of them is doubted.
"""

import threading
from collections.abc import Callable, Iterable

import structlog

from services.models import Session
from services.storage.changes import Change, ChangeStream
from services.storage.revocations import RevocationStream
from services.subscription import Subscription

log = structlog.get_logger()


class LiveFeed:
    """The subscriptions of this process, fed by one stream of changes and one of revocations."""

    def __init__(
        self, changes: ChangeStream, revocations: RevocationStream, read: Callable[[str], Session | None]
    ) -> None:
        self._changes = changes
        self._revocations = revocations
        self._read = read
        self._lock = threading.Lock()
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._is_closed = False

    def start(self) -> None:
        for watch in (self._watch, self._watch_revocations):
            threading.Thread(target=watch, name="live-feed", daemon=True).start()

    def close(self) -> None:
        """Stop watching and end every subscription, so that their sockets close."""
        self._changes.close()
        self._revocations.close()
        with self._lock:
            self._is_closed = True
        for subscription in self._all():
            subscription.close()

    def end(self, session_id: str) -> None:
        """End every subscription of this process to a session that is there no more."""
        for subscription in self._of(session_id):
            subscription.end()

    def subscribe(self, session_id: str, token_hash: str | None = None) -> Subscription:
        """`token_hash` is that of the access token that the listener came with, where it has one."""
        subscription = Subscription(lambda: self._read(session_id), token_hash)
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

    def _watch_revocations(self) -> None:
        while not self._revocations.is_closed:
            try:
                for token_hash in self._revocations.follow(on_gap=lambda: _doubt(self._all())):
                    _doubt(each for each in self._all() if each.token_hash == token_hash)
            except Exception:
                log.exception("The feed of revocations failed and begins anew.")

    def _hand_on(self, change: Change) -> None:
        listeners = self._of(change.session_id)
        if change.touches_link():
            _doubt(listeners)
        for subscription in listeners:
            subscription.put(change)

    def _start_over(self) -> None:
        for subscription in self._all():
            subscription.start_over()

    def _of(self, session_id: str) -> list[Subscription]:
        with self._lock:
            return list(self._subscriptions.get(session_id, ()))

    def _all(self) -> list[Subscription]:
        with self._lock:
            return [each for subscriptions in self._subscriptions.values() for each in subscriptions]


def _doubt(subscriptions: Iterable[Subscription]) -> None:
    for subscription in subscriptions:
        subscription.doubt()
