"""Workers beside the one that transcribes, in one process and on one broker."""

import logging
import threading

import dramatiq
import pytest
from dramatiq.middleware import Shutdown, TimeLimit

from tasks.broker import build_broker
from tasks.queue import FEEDBACK_QUEUE, TRANSCRIPTION_QUEUE, DramatiqQueue
from tasks.side_workers import THREADS, SideWorkers
from tests.processes import wait_until

TWICE = "same type twice"


@pytest.fixture
def broker() -> dramatiq.Broker:
    broker = build_broker(None)
    DramatiqQueue(broker)
    return broker


@pytest.fixture
def taken(broker: dramatiq.Broker) -> list[str]:
    """The queues whose messages were taken."""
    names: list[str] = []
    for name in (TRANSCRIPTION_QUEUE, *THREADS):
        dramatiq.actor(lambda name=name: names.append(name), actor_name=f"take_{name}", queue_name=name, broker=broker)  # type: ignore[call-overload]
    return names


def test_each_queue_has_its_worker_and_nobody_is_warned_of_that(broker: dramatiq.Broker, taken: list[str], caplog):
    side = SideWorkers(broker)
    main = dramatiq.Worker(broker, queues={TRANSCRIPTION_QUEUE}, worker_threads=1, worker_timeout=50)
    with caplog.at_level(logging.WARNING):
        main.start()
        side.start()
        try:
            for name in (TRANSCRIPTION_QUEUE, *THREADS):
                broker.actors[f"take_{name}"].send()
            wait_until(lambda: sorted(taken) == sorted((TRANSCRIPTION_QUEUE, *THREADS)))
        finally:
            main.stop(timeout=5_000)
            side.stop(timeout_ms=5_000).join()
    assert [record.getMessage() for record in caplog.records] == []


def test_a_middleware_that_comes_twice_by_mistake_is_still_warned_of(broker: dramatiq.Broker, caplog):
    SideWorkers(broker)
    with caplog.at_level(logging.WARNING):
        broker.add_middleware(TimeLimit())
    assert any(TWICE in record.getMessage() for record in caplog.records)


def test_what_runs_is_interrupted_once_however_many_workers_stop(broker: dramatiq.Broker):
    """A second interruption would come while what was interrupted is given back."""
    began, main_stopped, never = threading.Event(), threading.Event(), threading.Event()
    interruptions = []

    @dramatiq.actor(actor_name="give_feedback", queue_name=FEEDBACK_QUEUE, broker=broker)
    def give_feedback() -> None:
        try:
            began.set()
            wait_in_steps(never)
        except Shutdown:
            interruptions.append("while it ran")
        try:
            wait_in_steps(main_stopped)
            never.wait(0.2)
        except Shutdown:
            interruptions.append("while it was given back")

    side = SideWorkers(broker)
    main = dramatiq.Worker(broker, queues={TRANSCRIPTION_QUEUE}, worker_threads=1, worker_timeout=50)
    main.start()
    side.start()
    give_feedback.send()
    assert began.wait(10)
    main.stop(timeout=5_000)
    stopping = side.stop(timeout_ms=10_000)
    main_stopped.set()
    stopping.join()
    assert interruptions == ["while it ran"]


def wait_in_steps(event: threading.Event) -> None:
    """An interruption comes between two steps of Python, and not in the middle of a wait."""
    for _ in range(1_000):
        if event.wait(0.01):
            return
