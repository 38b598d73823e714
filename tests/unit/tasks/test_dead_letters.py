import gc
import logging
import weakref
from collections.abc import Iterator

import dramatiq
import numpy as np
import pytest
from dramatiq import Worker
from dramatiq.brokers.stub import StubBroker

from tasks.broker import build_broker
from tests.processes import wait_until


class Decoded:
    """As large as a decoded recording, and to be forgotten like one."""

    def __init__(self) -> None:
        self.samples = np.zeros(16_000, dtype=np.float32)


class RejectFailed(dramatiq.Middleware):
    """What makes a message a dead letter; Dramatiq's own retries do the same when they give up."""

    def after_process_message(self, broker, message, *, result=None, exception=None):
        if exception is not None:
            message.fail()


@pytest.fixture
def broker() -> StubBroker:
    broker = build_broker(None)
    assert isinstance(broker, StubBroker)
    return broker


@pytest.fixture
def worker(broker: StubBroker, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    # pytest keeps every log record, and the worker logs the failure with its traceback.
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)
    worker = Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    yield worker
    worker.stop(timeout=5_000)


@pytest.mark.parametrize("middleware", [[], [RejectFailed()]], ids=["acknowledged", "rejected"])
def test_what_a_failed_message_had_decoded_is_not_kept(broker: StubBroker, worker: Worker, middleware):
    for each in middleware:
        broker.add_middleware(each)
    alive: list[weakref.ref[Decoded]] = []

    @dramatiq.actor(broker=broker, queue_name="failing")
    def fail() -> None:
        decoded = Decoded()
        alive.append(weakref.ref(decoded))
        raise RuntimeError(len(decoded.samples))

    for _ in range(5):
        fail.send()

    def are_all_forgotten() -> bool:
        gc.collect()
        return len(alive) == 5 and not any(each() for each in alive)

    wait_until(are_all_forgotten, seconds=5)
    wait_until(lambda: not broker.dead_letters, seconds=5)
    assert middleware == [] or broker.queues["failing"].unfinished_tasks == 0
