"""Dramatiq middleware. Nothing that correctness needs: what these raise is logged and swallowed."""

import dramatiq
from dramatiq.brokers.stub import StubBroker


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
