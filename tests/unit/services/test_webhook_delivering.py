"""From an answer's end to a receiver: what it gets, when it gets it again, and when it is left alone."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dramatiq.threading import raise_thread_exception
from standardwebhooks import Webhook as Verifier

from config import Settings
from services import webhook_delivering, webhook_sending
from services.container import Services, build_services
from services.errors import Unavailable
from services.models import AnswerRef, Caller, Status
from services.storage.client import MongoDatabase
from services.webhook_delivering import (
    AT_ONCE,
    JITTER,
    LONGEST_SILENCE_SECONDS,
    MAX_ATTEMPTS,
    PAUSES_SECONDS,
    pause_after,
)
from services.webhooks import NewSecret
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.processes import wait_until
from tests.stores import MODEL, Stores, transcript_of
from tests.webhook_receiver import Receiver, answering, cutting

pytestmark = pytest.mark.covers("Q-webhooks")


@pytest.fixture
def settings() -> Settings:
    return settings_with(webhooks_allow_private=True)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


@dataclass
class Listening:
    """An owner's endpoint, and the way of an event to it, step by step."""

    services: Services
    stores: Stores
    queue: RememberingQueue
    receiver: Receiver
    owner: Caller
    made: NewSecret

    @property
    def id(self) -> str:
        return self.made.webhook.id

    def end_an_answer(self, question_ids: tuple[str, ...] = ("q1", "q2")) -> AnswerRef:
        """Transcribe one in a new session, and dispatch."""
        ref = self.stores.accept(self.stores.start(*question_ids))
        self.stores.answers.complete(self.stores.claim(ref), transcript_of("what nobody else hears"), MODEL)
        self.services.webhook_dispatch.hint(ref.session_id)
        return ref

    def work(self) -> None:
        """What workers do with the messages that were sent."""
        while self.queue.deliveries:
            self.services.webhook_delivering.deliver(self.queue.deliveries.pop(0))

    def let_it_be_time(self) -> None:
        """The pause of every delivery is over."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        self.collection.update_many({"due": {"$gt": past}}, {"$set": {"due": past}})
        self.collection.update_many({"not_before": {"$gt": past}}, {"$set": {"not_before": past}})

    def try_again(self) -> None:
        self.let_it_be_time()
        for each in self.services.resending:
            each.sweep()
        self.work()

    @property
    def collection(self) -> Any:
        return self.stores.database["webhook_deliveries"]

    @property
    def delivery(self) -> dict[str, Any]:
        (found,) = self.collection.find()
        return dict(found)

    def endpoint(self) -> Any:
        return self.services.webhooks.get(self.owner, self.id)


@pytest.fixture
def listening(
    services: Services, stores: Stores, queue: RememberingQueue, receiver: Receiver, owner: Caller
) -> Listening:
    made = services.webhooks.create(owner, url=receiver.url(), events=[], description="")
    return Listening(services, stores, queue, receiver, owner, made)


def test_an_event_arrives_signed_thin_and_once(listening: Listening) -> None:
    ref = listening.end_an_answer()
    listening.work()
    (received,) = listening.receiver.received
    told = Verifier(listening.made.secret).verify(received.body, received.headers)
    assert told == json.loads(received.body)
    assert told["type"] == "answer.transcribed"
    assert set(told) == {"type", "timestamp", "data"}
    assert told["data"] == {
        "session_id": ref.session_id,
        "question_id": "q1",
        "answer_id": ref.answer_id,
        "status": "completed",
        "revision": 1,
        "seq": told["data"]["seq"],
    }
    assert b"nobody" not in received.body
    assert datetime.fromisoformat(told["timestamp"]) <= datetime.now(UTC)
    assert received.headers["content-type"] == "application/json"
    assert received.id == f"msg_{listening.delivery['event_id']}"
    assert listening.delivery["status"] == Status.COMPLETED
    # A second message for it, and a second look at the session, change nothing.
    listening.services.webhook_delivering.deliver(listening.delivery["_id"])
    listening.services.webhook_dispatch.hint(ref.session_id)
    listening.try_again()
    assert len(listening.receiver.received) == 1


@pytest.mark.parametrize("behaviour", [answering(500), answering(404), answering(302, Location="/"), cutting])
def test_what_was_not_taken_comes_again_under_the_same_id(listening: Listening, behaviour: Any) -> None:
    listening.receiver.script = [behaviour]
    listening.end_an_answer()
    listening.work()
    first = listening.delivery
    assert (first["status"], first["attempts"]) == (Status.QUEUED, 1)
    assert first["last_error"]["code"] in ("refused", "redirected", "cut")
    # Not before its time, whoever says so.
    listening.services.webhook_delivering.deliver(first["_id"])
    assert len(listening.receiver.received) == 1
    listening.try_again()
    one, two = listening.receiver.received
    assert (one.id, one.body) == (two.id, two.body)
    Verifier(listening.made.secret).verify(two.body, two.headers)
    assert (listening.delivery["status"], listening.delivery["attempts"]) == (Status.COMPLETED, 2)
    assert listening.delivery["last_error"] is None


def test_pauses_are_those_of_the_specification_with_some_chance_in_them() -> None:
    assert sum(PAUSES_SECONDS) + 0.0 == pytest.approx(75 * 3600 + 35 * 60 + 5)
    for tries, planned in enumerate(PAUSES_SECONDS, start=1):
        found = {pause_after(tries) for _ in range(50)}
        assert planned <= min(found) < max(found) <= planned * (1 + JITTER)


def test_an_endpoint_is_not_asked_sooner_than_it_wants_within_bounds() -> None:
    assert pause_after(1, 600) >= 600
    assert pause_after(4, 1) >= PAUSES_SECONDS[3]
    assert pause_after(1, 10**8) <= 24 * 3600 * (1 + JITTER)


@pytest.mark.parametrize(("status", "is_heeded"), [(429, True), (503, True), (500, False)])
def test_retry_after_is_heeded_of_those_who_are_busy(listening: Listening, status: int, is_heeded: bool) -> None:
    listening.receiver.behave = answering(status, Retry_After="1000")
    listening.end_an_answer()
    listening.work()
    pause = (listening.delivery["not_before"] - listening.delivery["started_at"]).total_seconds()
    assert (pause > 900) is is_heeded


def test_whoever_is_busy_is_sent_nothing_else_until_then(listening: Listening) -> None:
    listening.receiver.behave = answering(429, Retry_After="100000")
    for _ in range(3):
        listening.end_an_answer()
    listening.work()
    assert len(listening.receiver.received) == 1
    assert [each["attempts"] for each in listening.collection.find().sort("created_at", 1)] == [1, 0, 0]
    until = listening.endpoint().paused_until
    assert until - datetime.now(UTC) < timedelta(seconds=LONGEST_SILENCE_SECONDS + 1)
    listening.receiver.behave = answering()
    listening.try_again()
    assert len(listening.receiver.received) == 1
    past = datetime.now(UTC) - timedelta(seconds=1)
    listening.stores.database["webhooks"].update_one({}, {"$set": {"paused_until": past}})
    listening.try_again()
    assert {each["status"] for each in listening.collection.find()} == {Status.COMPLETED}


def test_an_owner_ends_a_pause_by_switching_it_on(listening: Listening) -> None:
    listening.receiver.behave = answering(503, Retry_After="600")
    listening.end_an_answer()
    listening.work()
    assert listening.endpoint().paused_until is not None
    listening.services.webhooks.change(listening.owner, listening.id, {"is_enabled": True})
    assert listening.endpoint().paused_until is None


def test_after_the_last_attempt_it_has_failed_and_can_be_replayed_under_the_same_id(listening: Listening) -> None:
    listening.receiver.behave = answering(500)
    listening.end_an_answer()
    listening.work()
    for _ in range(MAX_ATTEMPTS):
        listening.try_again()
    assert len(listening.receiver.received) == MAX_ATTEMPTS
    failed = listening.delivery
    assert (failed["status"], failed["attempts"], failed["response_status"]) == (Status.FAILED, MAX_ATTEMPTS, 500)
    listening.receiver.behave = answering()
    since = datetime.now(UTC) - timedelta(hours=1)
    assert listening.services.webhooks.replay_failed(listening.owner, listening.id, since=since, until=None) == 1
    assert listening.services.webhooks.replay_failed(listening.owner, listening.id, since=since, until=None) == 0
    listening.work()
    assert listening.delivery["status"] == Status.COMPLETED
    assert len({each.id for each in listening.receiver.received}) == 1


def test_what_was_delivered_can_be_replayed_too(listening: Listening) -> None:
    listening.end_an_answer()
    listening.work()
    told = listening.services.webhooks.replay(listening.owner, listening.id, listening.delivery["event_id"])
    assert (told.status, told.replays, told.attempts) == (Status.QUEUED, 1, 0)
    listening.work()
    one, two = listening.receiver.received
    assert one.id == two.id


def switched_off(listening: Listening) -> list[dict[str, Any]]:
    """What the audit log tells of that."""
    rows = listening.stores.database["audit"].find({"action": "webhook.disable", "owner_id": listening.owner.user_id})
    return [each["details"] for each in rows]


def test_gone_switches_the_endpoint_off_and_what_waits_is_not_sent(listening: Listening) -> None:
    listening.receiver.behave = answering(500)
    listening.end_an_answer()
    listening.work()
    listening.receiver.behave = answering(410)
    listening.end_an_answer()
    listening.work()
    endpoint = listening.endpoint()
    assert (endpoint.is_enabled, endpoint.disabled["reason"]) == (False, "gone")
    assert switched_off(listening) == [{"webhook_id": listening.id, "reason": "gone"}]
    received = len(listening.receiver.received)
    listening.try_again()
    assert len(listening.receiver.received) == received
    assert {each["status"] for each in listening.collection.find()} == {Status.FAILED}
    # And sessions stop keeping events for it.
    ref = listening.end_an_answer()
    assert not {"outbox", "notifies"} & listening.stores.session(ref.session_id).keys()


def test_five_days_of_nothing_but_failures_switch_it_off_and_one_success_begins_anew(listening: Listening) -> None:
    listening.receiver.script = [answering(500), answering(204), answering(500)]
    for _ in range(2):
        listening.end_an_answer()
        listening.work()
    assert listening.endpoint().failing_since is None
    listening.end_an_answer()
    listening.work()
    assert listening.endpoint().failing_since is not None
    webhooks = listening.stores.database["webhooks"]
    webhooks.update_one({}, {"$set": {"failing_since": datetime.now(UTC) - timedelta(days=4, hours=23)}})
    listening.receiver.behave = answering(500)
    listening.try_again()
    assert listening.endpoint().is_enabled
    webhooks.update_one({}, {"$set": {"failing_since": datetime.now(UTC) - timedelta(days=5, minutes=1)}})
    listening.try_again()
    endpoint = listening.endpoint()
    assert (endpoint.is_enabled, endpoint.disabled["reason"]) == (False, "failing")
    assert switched_off(listening) == [{"webhook_id": listening.id, "reason": "failing"}]
    # Its owner switches it on again, and sessions tell of themselves again.
    listening.services.webhooks.change(listening.owner, listening.id, {"is_enabled": True})
    listening.receiver.behave = answering()
    received = len(listening.receiver.received)
    listening.end_an_answer()
    listening.work()
    assert len(listening.receiver.received) > received


def test_a_rotated_secret_and_the_one_before_check_for_a_day(listening: Listening) -> None:
    newer = listening.services.webhooks.rotate(listening.owner, listening.id)
    newest = listening.services.webhooks.rotate(listening.owner, listening.id)
    listening.end_an_answer()
    listening.work()
    (received,) = listening.receiver.received
    for secret in (listening.made.secret, newer.secret, newest.secret):
        Verifier(secret).verify(received.body, received.headers)
    past = datetime.now(UTC) - timedelta(seconds=1)
    listening.stores.database["webhooks"].update_one({}, {"$set": {"old_secrets.$[].until": past}})
    listening.end_an_answer()
    listening.work()
    later = listening.receiver.received[-1]
    assert " " not in later.headers["webhook-signature"]
    Verifier(newest.secret).verify(later.body, later.headers)


def test_only_types_that_an_endpoint_hears_of_are_sent(listening: Listening) -> None:
    listening.services.webhooks.change(listening.owner, listening.id, {"events": ["session.transcribed"]})
    listening.end_an_answer(("q1", "q2"))
    ref = listening.end_an_answer(("q1",))
    listening.work()
    (received,) = listening.receiver.received
    told = json.loads(received.body)
    assert (told["type"], told["data"]["session_id"]) == ("session.transcribed", ref.session_id)
    assert (
        "outbox" not in listening.stores.session(ref.session_id)
        or not listening.stores.session(ref.session_id)["outbox"]
    )


def test_another_owners_endpoint_hears_nothing(listening: Listening, receiver: Receiver) -> None:
    listening.services.webhooks.create(Caller("bob"), url=receiver.url("/bob"), events=[], description="")
    listening.end_an_answer()
    listening.work()
    assert [each.path for each in receiver.received] == ["/hook"]


def test_every_endpoint_gets_the_same_event_under_the_same_id(listening: Listening, receiver: Receiver) -> None:
    listening.services.webhooks.create(listening.owner, url=receiver.url("/second"), events=[], description="")
    listening.end_an_answer()
    listening.work()
    assert {each.path for each in receiver.received} == {"/hook", "/second"}
    assert len({each.id for each in receiver.received}) == 1


def test_an_address_that_leads_inside_by_now_is_not_sent_to(
    listening: Listening, database: MongoDatabase, queue: RememberingQueue, transcriber: ScriptedTranscriber
) -> None:
    # The same product, without leave to send inside.
    strict = build_services(settings_with(), database, queue, lambda: transcriber)
    listening.end_an_answer()
    strict.webhook_delivering.deliver(queue.deliveries.pop())
    assert listening.receiver.received == []
    assert listening.delivery["last_error"]["code"] == "webhook_address_refused"
    strict.live.close()


def test_a_secret_that_cannot_be_read_any_more_is_said_so(listening: Listening) -> None:
    listening.stores.database["signing_keys"].delete_many({"_id": "webhooks"})
    listening.end_an_answer()
    listening.work()
    assert listening.receiver.received == []
    assert listening.delivery["last_error"]["code"] == "secret_unreadable"


def test_a_slow_endpoint_leaves_threads_to_the_others(
    listening: Listening, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "TOTAL_SECONDS", 30.0)
    with Receiver().running() as quick:
        listening.services.webhooks.create(listening.owner, url=quick.url(), events=[], description="")
        receiver.behave = receiver.hang
        for _ in range(4):
            listening.end_an_answer()
        messages, listening.queue.deliveries = listening.queue.deliveries, []
        deliver = listening.services.webhook_delivering.deliver
        # Four threads, as a worker has them, and the slow one's deliveries come first.
        slow_first = sorted(messages, key=lambda each: not each.endswith(listening.id))
        pool = [
            threading.Thread(target=lambda part=part: [deliver(each) for each in part])
            for part in (slow_first[0::4], slow_first[1::4], slow_first[2::4], slow_first[3::4])
        ]
        for thread in pool:
            thread.start()
        wait_until(lambda: len(quick.received) == 4)
        assert receiver.most_at_once <= AT_ONCE
        receiver.released.set()
        for thread in pool:
            thread.join(20)
    # And whoever had a place went on with the rest.
    wait_until(lambda: len({each.id for each in receiver.received}) == 4)
    assert listening.collection.count_documents({"status": Status.COMPLETED}) == 8


def test_one_that_stays_long_lets_others_go_first(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_delivering, "STAY_SECONDS", 0.0)
    for _ in range(3):
        listening.end_an_answer()
    first, *_ = listening.queue.deliveries
    listening.queue.deliveries.clear()
    listening.services.webhook_delivering.deliver(first)
    assert len(listening.receiver.received) == 1
    assert len(listening.queue.deliveries) == 1
    listening.work()
    assert len({each.id for each in listening.receiver.received}) == 3


def test_without_a_queue_the_sweep_sends_it(listening: Listening) -> None:
    listening.queue.is_away = True
    listening.end_an_answer()
    listening.queue.is_away = False
    listening.work()
    assert listening.receiver.received == []
    listening.try_again()
    assert len(listening.receiver.received) == 1


def test_what_was_never_dispatched_the_sweep_finds(listening: Listening) -> None:
    ref = listening.stores.accept(listening.stores.start("q1", "q2"))
    listening.stores.answers.complete(listening.stores.claim(ref), transcript_of(), MODEL)
    # Just now: whoever ended it is about to dispatch.
    assert listening.services.webhook_dispatch.sweep() == 0
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    listening.stores.database["interview_sessions"].update_one({}, {"$set": {"outbox.0.at": long_ago}})
    assert listening.services.webhook_dispatch.sweep() == 1
    listening.work()
    assert len(listening.receiver.received) == 1


def test_whoever_ends_an_answer_never_fails_by_telling(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    dispatch = listening.services.webhook_dispatch
    for error in (Unavailable("away"), RuntimeError("a defect")):

        def fail(session_id: str, error: Exception = error) -> bool:
            raise error

        monkeypatch.setattr(dispatch._outboxes, "has_events", fail)
        dispatch.hint("s")


def test_a_shutdown_in_the_middle_gives_the_delivery_back(listening: Listening) -> None:
    class Shutdown(BaseException):
        pass

    def die(*_: object) -> Any:
        raise Shutdown

    listening.end_an_answer()
    delivering = listening.services.webhook_delivering
    send, delivering._post.send = delivering._post.send, die  # type: ignore[method-assign, assignment]
    with pytest.raises(Shutdown):
        delivering.deliver(listening.queue.deliveries.pop())
    assert (listening.delivery["status"], listening.delivery["attempts"]) == (Status.QUEUED, 0)
    delivering._post.send = send  # type: ignore[method-assign]
    listening.try_again()
    assert len(listening.receiver.received) == 1


class Interrupted(BaseException):
    """What Dramatiq raises in a thread that has to stop."""


def test_a_worker_that_has_to_stop_does_not_wait_for_a_slow_receiver(listening: Listening, receiver: Receiver) -> None:
    receiver.behave = receiver.hang
    listening.end_an_answer()
    ended: list[BaseException] = []

    def deliver() -> None:
        try:
            listening.services.webhook_delivering.deliver(listening.queue.deliveries.pop())
        except BaseException as error:  # noqa: BLE001
            ended.append(error)

    thread = threading.Thread(target=deliver)
    thread.start()
    wait_until(lambda: receiver.received)
    started = time.monotonic()
    raise_thread_exception(thread.ident, Interrupted)  # type: ignore[no-untyped-call]
    thread.join(8)
    assert time.monotonic() - started < 5
    assert isinstance(ended[0], Interrupted)
    assert (listening.delivery["status"], listening.delivery["attempts"]) == (Status.QUEUED, 0)
