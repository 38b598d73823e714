import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from queue import Queue
from typing import Any

import pytest

from services.live import LiveFeed
from services.models import Session
from services.storage.changes import Change, ChangeStream
from services.storage.revocations import RevocationStream
from services.subscription import QUEUE_LENGTH, AnswerChanged, Event, Snapshot, Subscription
from tests.processes import wait_until
from tests.scored import WordsProvider, scored_over
from tests.stores import MODEL, Stores, transcript_of

LONG = 10.0
SHORT = 0.01


@pytest.fixture
def feed(stores: Stores) -> Iterator[LiveFeed]:
    feed = LiveFeed(ChangeStream(stores.database), RevocationStream(stores.database), stores.sessions.find_unguarded)
    feed.start()
    yield feed
    feed.close()


@dataclass
class Listener:
    """A subscription whose events are read in a thread, as a socket's are."""

    feed: LiveFeed
    session_id: str
    events: Queue[Event | None] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        self.subscription = self.feed.subscribe(self.session_id)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        for event in self.subscription.events(LONG):
            # None: a look around, as at the beginning of the stream of revocations.
            if event is not None:
                self.events.put(event)
        self.feed.unsubscribe(self.session_id, self.subscription)

    def until(self, seq: int) -> list[Event]:
        """Every event up to the one of `seq`."""
        found: list[Event] = []
        while not found or found[-1].seq < seq:
            event = self.events.get(timeout=LONG)
            assert event is not None
            found.append(event)
        return found


def run_through(stores: Stores, session_id: str, question_id: str = "q1") -> None:
    """Four changes."""
    claim = stores.claim(stores.accept(session_id, question_id))
    stores.begin(claim)
    stores.answers.complete(claim, transcript_of(), MODEL)


def test_first_a_snapshot_and_then_each_change_in_order(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1", "q2")
    listener = Listener(feed, session_id)
    first = listener.events.get(timeout=LONG)
    assert first == Snapshot(0, [])
    # The stream's beginning asks for a second one; whichever comes first, nothing is missed.
    run_through(stores, session_id)
    run_through(stores, session_id, "q2")
    events = listener.until(8)
    seqs = [event.seq for event in events]
    assert seqs == sorted(seqs)
    changes = [event for event in events if isinstance(event, AnswerChanged)]
    assert len({event.seq for event in changes}) == len(changes)
    assert changes[-1].answer.transcript == "i led a team"


def test_what_changes_between_subscribing_and_reading_is_heard_once(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1")
    warm_up = Listener(feed, session_id)
    stores.accept(session_id)
    warm_up.until(1)
    subscription = feed.subscribe(session_id)
    run_through(stores, session_id)
    warm_up.until(5)  # so that the changes lie in the queue of the other one, too
    events = subscription.events(SHORT)
    snapshot = next(events)
    assert isinstance(snapshot, Snapshot)
    assert snapshot.seq == 5
    assert [each.status for each in snapshot.answers] == ["completed"]
    assert next(events) is None
    stores.accept(session_id)
    heard = next(event for event in events if event is not None)
    assert heard.seq == 6


def test_whatever_is_heard_adds_up_to_what_is_stored(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1", "q2", "0")
    listeners = [Listener(feed, session_id) for _ in range(5)]
    for question_id in ("q1", "0", "q2", "q1"):
        run_through(stores, session_id, question_id)
    session = stores.sessions.find_unguarded(session_id)
    assert session is not None
    for listener in listeners:
        known: dict[str, Any] = {}
        for event in listener.until(session.seq):
            answers = event.answers if isinstance(event, Snapshot) else [event.answer]
            known |= {answer.question_id: answer for answer in answers}
        (final,) = islice(Subscription(lambda: session).events(SHORT), 1)
        assert isinstance(final, Snapshot)
        assert known == {answer.question_id: answer for answer in final.answers}


def test_scores_of_many_answers_are_one_event(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1", "q2")
    listener = Listener(feed, session_id)
    run_through(stores, session_id, "q1")
    run_through(stores, session_id, "q2")
    scored = scored_over(stores.database, WordsProvider())
    scored.jobs.complete(scored.session(session_id))
    scored.scoring.work(session_id)
    last = [event for event in listener.until(9) if event.seq == 9]
    assert len(last) == 1
    assert isinstance(last[0], Snapshot)
    assert [answer.score for answer in last[0].answers] == [40.0, 40.0]


def test_another_sessions_changes_are_not_heard(feed: LiveFeed, stores: Stores):
    own, other = stores.start("q1"), stores.start("q1")
    listener = Listener(feed, own)
    run_through(stores, other)
    run_through(stores, own)
    assert {event.answer.answer_id for event in listener.until(4) if isinstance(event, AnswerChanged)} <= {
        stores.session(own)["answers"]["q1"]["id"]
    }


def test_a_deleted_session_ends_its_subscriptions(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1")
    listener = Listener(feed, session_id)
    stores.accept(session_id)
    listener.until(1)
    stores.database["interview_sessions"].delete_one({"_id": session_id})
    listener.thread.join(timeout=LONG)
    assert not listener.thread.is_alive()


def test_a_session_that_never_was_ends_at_once(feed: LiveFeed):
    assert list(feed.subscribe("missing").events(LONG)) == []


def test_closing_ends_every_subscription_and_those_that_come_later(feed: LiveFeed, stores: Stores):
    session_id = stores.start("q1")
    listeners = [Listener(feed, session_id) for _ in range(3)]
    for listener in listeners:
        listener.events.get(timeout=LONG)
    feed.close()
    for listener in [*listeners, Listener(feed, session_id)]:
        listener.thread.join(timeout=LONG)
        assert not listener.thread.is_alive()


def session_at(seq: int) -> Session:
    status = {"id": "a1", "transcription_status": "queued", "score": float(seq)}
    return Session("s", "owner", (), {"q1": status}, seq, None)  # type: ignore[arg-type]


def change_to(seq: int | None) -> Change:
    return Change("s", seq, {"answers.q1.score": float(seq or 0)}, ())


@dataclass
class Stored:
    """What a subscription would read now."""

    seq: int = 0
    reads: int = 0

    def read(self) -> Session:
        self.reads += 1
        return session_at(self.seq)


@pytest.fixture
def stored() -> Stored:
    return Stored()


@pytest.fixture
def subscription(stored: Stored) -> Subscription:
    return Subscription(stored.read)


def seqs_of(events: Iterator[Event | None], count: int) -> list[tuple[type, int]]:
    return [(type(event), event.seq) for event in islice(events, count) if event is not None]


def test_a_gap_is_healed_by_a_snapshot(stored: Stored, subscription: Subscription):
    events = subscription.events(SHORT)
    next(events)
    subscription.put(change_to(1))
    stored.seq = 3
    subscription.put(change_to(3))
    assert seqs_of(events, 2) == [(AnswerChanged, 1), (Snapshot, 3)]


def test_changes_that_the_snapshot_holds_already_are_not_heard_again(stored: Stored, subscription: Subscription):
    stored.seq = 2
    events = subscription.events(SHORT)
    for seq in (1, 2, 3):
        subscription.put(change_to(seq))
    assert seqs_of(events, 2) == [(Snapshot, 2), (AnswerChanged, 3)]
    assert stored.reads == 1


def test_a_subscriber_that_is_too_slow_gets_a_snapshot_instead_of_a_longer_queue(stored, subscription: Subscription):
    events = subscription.events(SHORT)
    next(events)
    for seq in range(1, QUEUE_LENGTH + 50):
        subscription.put(change_to(seq))
        stored.seq = seq
    assert seqs_of(events, 1) == [(Snapshot, stored.seq)]
    assert next(events) is None
    subscription.put(change_to(stored.seq + 1))
    assert seqs_of(events, 1) == [(AnswerChanged, stored.seq + 1)]


@pytest.mark.parametrize(
    "tell", [lambda to: to.start_over(), lambda to: to.put(change_to(None))], ids=["missed", "replaced"]
)
def test_what_may_have_been_missed_is_healed_by_a_snapshot(
    stored: Stored, subscription: Subscription, tell: Callable[[Subscription], None]
):
    events = subscription.events(SHORT)
    next(events)
    stored.seq = 7
    tell(subscription)
    assert seqs_of(events, 1) == [(Snapshot, 7)]


def test_a_change_that_nobody_can_see_is_no_event_but_counts(subscription: Subscription):
    events = subscription.events(SHORT)
    next(events)
    subscription.put(Change("s", 1, {"answers.q1.lease.token": "t"}, ()))
    subscription.put(change_to(2))
    assert seqs_of(events, 1) == [(AnswerChanged, 2)]


def test_nothing_new_is_said_so_that_the_socket_can_look_around(subscription: Subscription):
    events = subscription.events(SHORT)
    next(events)
    assert list(islice(events, 3)) == [None, None, None]
    subscription.close()
    assert [event for event in events if event is not None] == []


def test_a_reader_that_waits_wakes_when_it_is_closed(subscription: Subscription):
    ended = threading.Event()

    def read() -> None:
        for _ in subscription.events(600):
            continue
        ended.set()

    threading.Thread(target=read, daemon=True).start()
    subscription.close()
    wait_until(ended.is_set)


def test_a_watcher_that_fails_begins_anew_with_snapshots(feed: LiveFeed, stores: Stores, monkeypatch):
    session_id = stores.start("q1")
    listener = Listener(feed, session_id)
    listener.until(0)
    hand_on, failed = feed._hand_on, threading.Event()

    def fail_once(change: Change) -> None:
        if not failed.is_set():
            failed.set()
            raise RuntimeError("a defect")
        hand_on(change)

    monkeypatch.setattr(feed, "_hand_on", fail_once)
    run_through(stores, session_id)
    assert any(isinstance(event, Snapshot) for event in listener.until(4))
