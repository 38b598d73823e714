"""Dramatiq middleware. Nothing that correctness needs: what these raise is logged and swallowed."""

import threading

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import ShutdownNotifications


class ForgetDeadLetters(dramatiq.Middleware):
    """Drops failed messages of the in-process broker, and the exceptions that messages carry.

    A traceback refers to every frame, and so to decoded recordings. The answer in MongoDB is the record of what failed.
    """

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        # A worker's thread holds its last message until the next one comes; the stub's own method does nothing.
        dramatiq.MessageProxy.clear_exception(message)

    def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        if isinstance(broker, StubBroker):
            # Each list in place: a consumer keeps hold of its own.
            for letters in broker.dead_letters_by_queue.values():
                letters.clear()


class InterruptOnce(ShutdownNotifications):
    """Interrupts what runs when the first worker of a process stops, and not again when the others do.

    A second interruption would come while work that was interrupted is given back.
    """

    def __init__(self) -> None:
        super().__init__(notify_shutdown=True)
        self._lock = threading.Lock()
        self._is_done = False

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        self._is_done = False

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        with self._lock:
            is_first, self._is_done = not self._is_done, True
        if is_first:
            super().before_worker_shutdown(broker, worker)  # type: ignore[no-untyped-call]
