"""Dramatiq middleware. Nothing that correctness needs: what these raise is logged and swallowed."""

import dramatiq
from dramatiq.brokers.stub import StubBroker


class ForgetDeadLetters(dramatiq.Middleware):
    """Drops failed messages of the in-process broker.

    It keeps them with their tracebacks, and so with every decoded recording that a frame refers to. The answer in
    MongoDB is the record of what failed.
    """

    def after_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:
        if isinstance(broker, StubBroker):
            # Each list in place: a consumer keeps hold of its own.
            for letters in broker.dead_letters_by_queue.values():
                letters.clear()
