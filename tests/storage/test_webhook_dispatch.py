"""No event is lost and none is made twice, whoever dies when, and whoever begins or ends listening meanwhile."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.models import AnswerRef
from services.storage import outboxes, webhook_marks
from services.storage.client import MongoDatabase
from services.storage.decisions import DecisionStore
from services.storage.outbox import Event, announcement
from services.storage.outboxes import OutboxStore
from services.storage.webhook_deliveries import DeliveryStore, Outcome
from services.storage.webhook_marks import MarkStore
from services.storage.webhooks import MOST_PER_OWNER, Webhook, WebhookStore, enabled_of
from tests.stores import MODEL, Stores, transcript_of

pytestmark = pytest.mark.covers("Q-webhooks")


class Endpoints:
    """Endpoints of an owner, as the service makes them."""

    def __init__(self, database: MongoDatabase) -> None:
        self.store, self.marks = WebhookStore(database), MarkStore(database)
        self.database = database

    def insert(self, owner_id: str = "owner", **changes: Any) -> Webhook | None:
        """Only the first step of it."""
        fields: dict[str, Any] = {"events": (), "description": "", "secrets": (b"sealed",), **changes}
        return self.store.create(Webhook(token_hex(12), owner_id, "https://a.example", created_at=now(), **fields))

    def add(self, owner_id: str = "owner", **changes: Any) -> Webhook:
        webhook = self.insert(owner_id, **changes)
        assert webhook is not None
        while self.marks.spread(webhook.id):
            continue
        return webhook


@pytest.fixture
def endpoints(database: MongoDatabase) -> Endpoints:
    return Endpoints(database)


@pytest.fixture
def outbox(database: MongoDatabase) -> OutboxStore:
    return OutboxStore(database)


def now() -> datetime:
    return datetime.now(UTC)


def end_one(stores: Stores, session_id: str | None = None) -> AnswerRef:
    ref = stores.accept(session_id or stores.start("q1", "q2"))
    stores.answers.complete(stores.claim(ref), transcript_of(), MODEL)
    return ref


def delivered(stores: Stores) -> list[dict[str, Any]]:
    return list(stores.database["webhook_deliveries"].find())


def test_an_event_becomes_one_delivery_to_each_endpoint_under_a_name_that_follows_from_both(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore
) -> None:
    one, two = endpoints.add(), endpoints.add()
    ref = end_one(stores)
    (entry,) = stores.session(ref.session_id)["outbox"]
    made, has_more = outbox.dispatch(ref.session_id)
    assert set(made) == {f"{entry['id']}.{one.id}", f"{entry['id']}.{two.id}"}
    assert not has_more
    assert stores.session(ref.session_id)["outbox"] == []
    assert outbox.dispatch(ref.session_id) == ((), False)
    assert not outbox.has_events(ref.session_id)


def test_dispatching_raises_no_seq(stores: Stores, endpoints: Endpoints, outbox: OutboxStore) -> None:
    endpoints.add()
    ref = end_one(stores)
    seq = stores.session(ref.session_id)["seq"]
    outbox.dispatch(ref.session_id)
    assert stores.session(ref.session_id)["seq"] == seq


def test_what_is_there_already_is_not_made_again(stores: Stores, endpoints: Endpoints, outbox: OutboxStore) -> None:
    endpoints.add()
    ref = end_one(stores)
    (entry,) = stores.session(ref.session_id)["outbox"]
    ((made,), _) = outbox.dispatch(ref.session_id)
    stores.database["webhook_deliveries"].update_one({"_id": made}, {"$set": {"status": "completed"}})
    # As if an older version had put it back.
    stores.database["interview_sessions"].update_one({"_id": ref.session_id}, {"$set": {"outbox": [entry]}})
    outbox.dispatch(ref.session_id)
    assert [each["status"] for each in delivered(stores)] == ["completed"]


def test_where_nobody_listens_any_more_events_go_and_none_are_kept(stores: Stores, outbox: OutboxStore) -> None:
    ref = end_one(stores)
    assert stores.session(ref.session_id)["outbox"]
    assert outbox.dispatch(ref.session_id) == ([], False)
    assert not {"outbox", "notifies"} & stores.session(ref.session_id).keys()
    assert delivered(stores) == []
    DecisionStore(stores.database).cancel(stores.accept(ref.session_id, "q2"))
    assert "outbox" not in stores.session(ref.session_id)


def test_sessions_from_before_the_first_endpoint_tell_of_themselves_from_then_on(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_marks, "SESSIONS_AT_ONCE", 3)
    asleep = []
    for _ in range(8):
        ref = end_one(stores)
        outbox.dispatch(ref.session_id)
        asleep.append(ref.session_id)
    # From before there were webhooks at all, all started at the same moment.
    stores.database["interview_sessions"].update_many({}, {"$set": {"created_at": now().replace(microsecond=0)}})
    others = stores.start("q1")
    stores.database["interview_sessions"].update_one(
        {"_id": others}, {"$set": {"owner_id": "bob"}, "$unset": {"notifies": ""}}
    )
    webhook = endpoints.add()
    assert endpoints.marks.spreading() == []
    for session_id in asleep:
        DecisionStore(stores.database).cancel(stores.accept(session_id, "q2"))
        assert len(outbox.dispatch(session_id)[0]) == 1 + 1  # the answer, and with it the session
    assert "notifies" not in stores.session(others)
    found = endpoints.store.find_unguarded(webhook.id)
    assert found is not None
    assert found.is_ready


def test_a_process_that_dies_while_it_spreads_is_followed_by_the_sweep(
    stores: Stores, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_marks, "SESSIONS_AT_ONCE", 2)
    for _ in range(5):
        stores.start("q1")
    webhook = endpoints.insert()
    assert webhook is not None
    assert not webhook.is_ready
    assert endpoints.marks.spread(webhook.id)
    assert endpoints.marks.spreading() == [webhook.id]
    while endpoints.marks.spread(webhook.id):
        continue
    marks = {each["notifies"] for each in stores.database["interview_sessions"].find()}
    assert len(marks) == 1
    assert marks != {"new"}


def between(monkeypatch: pytest.MonkeyPatch, step: Callable[[], None]) -> None:
    """Do something once after a dispatcher has read who listens, and before it writes."""
    real, is_done = enabled_of, threading.Event()

    def read_then(*args: Any) -> list[Webhook]:
        found = real(*args)
        if not is_done.is_set():
            is_done.set()
            step()
        return found

    monkeypatch.setattr(outboxes, "enabled_of", read_then)


def test_an_endpoint_made_while_a_dispatcher_finds_nobody_listening_loses_nothing_after_it(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = end_one(stores)
    between(monkeypatch, lambda: void(endpoints.add()))
    outbox.dispatch(ref.session_id)
    # Whatever became of the event from before, the next one is told.
    DecisionStore(stores.database).cancel(stores.accept(ref.session_id, "q2"))
    outbox.dispatch(ref.session_id)
    assert "answer.cancelled" in {each["type"] for each in delivered(stores)}


def test_one_that_is_switched_off_and_on_again_in_that_moment_loses_nothing_either(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook = endpoints.add()
    endpoints.store.disable(webhook.id, "gone")
    ref = end_one(stores)

    def switch_on() -> None:
        endpoints.store.change("owner", webhook.id, {"disabled": None})
        while endpoints.marks.spread(webhook.id):
            continue

    between(monkeypatch, switch_on)
    outbox.dispatch(ref.session_id)
    DecisionStore(stores.database).cancel(stores.accept(ref.session_id, "q2"))
    outbox.dispatch(ref.session_id)
    assert "answer.cancelled" in {each["type"] for each in delivered(stores)}


def test_a_session_that_starts_while_the_first_endpoint_is_made_tells_of_itself(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore
) -> None:
    """Twenty of each at once: whatever the order was, every session tells of what happens after both are done."""
    started: list[str] = []
    threads = [threading.Thread(target=lambda: started.append(stores.start("q1"))) for _ in range(20)]
    threads.insert(random.randrange(20), threading.Thread(target=lambda: void(endpoints.add())))
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len(started) == 20
    for session_id in started:
        end_one(stores, session_id)
        outbox.dispatch(session_id)
    assert len({each["session_id"] for each in delivered(stores)}) == 20


def void(_: object) -> None: ...


def test_an_erasure_in_the_middle_leaves_no_delivery_behind(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints.add()
    ref = end_one(stores)
    between(monkeypatch, lambda: void(stores.database["interview_sessions"].delete_one({"_id": ref.session_id})))
    assert outbox.dispatch(ref.session_id) == ((), False)
    assert delivered(stores) == []


def test_ten_endpoints_an_owner_also_of_many_at_once(endpoints: Endpoints) -> None:
    made: list[Webhook | None] = []
    threads = [threading.Thread(target=lambda: made.append(endpoints.insert())) for _ in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert len([each for each in made if each]) == MOST_PER_OWNER
    assert len(endpoints.store.list_of("owner")) == MOST_PER_OWNER
    # A place that is left can be taken again, and others have their own.
    assert endpoints.store.delete("owner", endpoints.store.list_of("owner")[3].id)
    assert endpoints.insert() is not None
    assert endpoints.insert("bob") is not None


def test_more_events_than_one_transaction_takes_are_taken_in_several(
    stores: Stores, endpoints: Endpoints, outbox: OutboxStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "ENTRIES_AT_ONCE", 2)
    endpoints.add()
    session_id = stores.start("q1")
    events = [Event("feedback.failed", {"session_id": session_id, "n": n}) for n in range(5)]
    stores.database["interview_sessions"].update_one({"_id": session_id}, announcement(*events))
    more = [outbox.dispatch(session_id)[1] for _ in range(3)]
    assert more == [True, True, False]
    assert sorted(each["data"]["n"] for each in delivered(stores)) == [0, 1, 2, 3, 4]


class Died(BaseException):
    """A process is killed."""


class Mortal:
    """A dispatcher and a worker that die at a step, again and again, and others in their place."""

    def __init__(self, database: MongoDatabase, fates: list[int]) -> None:
        self.database, self.fates = database, fates
        self.outbox, self.deliveries = OutboxStore(database), DeliveryStore(database, lease_seconds=60)
        self.received: list[str] = []

    def step(self, number: int) -> None:
        """Die here if that is the next fate."""
        if self.fates and self.fates[0] == number:
            self.fates.pop(0)
            raise Died

    def dispatch(self) -> None:
        for session in list(self.database["interview_sessions"].find({"outbox.at": {"$exists": True}}, {"_id": 1})):
            self.step(0)
            with Interrupted(lambda: self.step(1)):
                self.outbox.dispatch(session["_id"])
            self.step(2)

    def deliver(self) -> None:
        self.database["webhook_deliveries"].update_many(
            {"status": "processing"}, {"$set": {"lease.expires_at": now() - timedelta(seconds=1)}}
        )
        for each in self.deliveries.work.all():
            token = token_hex(4)
            self.step(3)
            if self.deliveries.work.claim(each.ref, "host", token) is None:
                continue
            self.step(4)
            self.received.append(each.ref)
            self.step(5)
            self.deliveries.complete(each.ref, token, Outcome(204))
            self.step(6)


class Interrupted:
    """Something happens between the writes of a transaction."""

    def __init__(self, step: Callable[[], None]) -> None:
        self._step = step

    def __enter__(self) -> None:
        real = self._real = outboxes.insert_deliveries

        def insert(*args: Any) -> None:
            real(*args)
            self._step()

        outboxes.insert_deliveries = insert  # type: ignore[assignment]

    def __exit__(self, *_: object) -> None:
        outboxes.insert_deliveries = self._real


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(fates=st.lists(st.integers(0, 6), max_size=8), sessions=st.integers(1, 3), listeners=st.integers(1, 2))
def test_whoever_dies_at_whichever_step_every_event_arrives(
    stores: Stores, fates: list[int], sessions: int, listeners: int
) -> None:
    for name in ("interview_sessions", "webhooks", "webhook_deliveries"):
        stores.database[name].delete_many({})
    endpoints, mortal = Endpoints(stores.database), Mortal(stores.database, list(fates))
    webhooks = [endpoints.add() for _ in range(listeners)]
    events = []
    for _ in range(sessions):
        ref = end_one(stores)
        events += [each["id"] for each in stores.session(ref.session_id)["outbox"]]
    for _ in range(len(fates) + 2):
        for work in (mortal.dispatch, mortal.deliver):
            try:
                work()
            except Died:
                continue
    expected = {f"{event_id}.{webhook.id}" for event_id in events for webhook in webhooks}
    assert set(mortal.received) == expected
    assert {each["_id"] for each in delivered(stores)} == expected
    assert {each["status"] for each in delivered(stores)} == {"completed"}
    # Twice only where somebody died between sending and writing it down.
    assert len(mortal.received) - len(expected) <= fates.count(5)
