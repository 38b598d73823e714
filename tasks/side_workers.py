"""Workers beside the one that transcribes, in its process: what waits for a network must not keep speech waiting.

Dramatiq's worker has one pool of threads for all its queues; so each further queue gets a small worker of its own.
"""

import logging

import dramatiq

from tasks.queue import FEEDBACK_QUEUE, WEBHOOK_QUEUE

# A webhook's thread waits for somebody else's server; each of those holds two at most.
THREADS = {FEEDBACK_QUEUE: 2, WEBHOOK_QUEUE: 8}


class SideWorkers:
    """One worker a queue; they share the broker, and with it the middleware, with the main one."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        broker.logger.addFilter(_is_no_worker_beside_another)
        self._workers = [dramatiq.Worker(broker, queues={name}, worker_threads=THREADS[name]) for name in THREADS]

    def owns(self, worker: dramatiq.Worker) -> bool:
        """Whether it is one of these: middleware hears of every worker of its broker."""
        return worker in self._workers

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self, timeout_ms: int) -> None:
        """To be called when the main one has stopped: stopping a worker interrupts what all of them do."""
        for worker in self._workers:
            worker.stop(timeout=timeout_ms)


def _is_no_worker_beside_another(record: logging.LogRecord) -> bool:
    """Whether to log it: each worker adds a middleware to start its consumers by, and the broker warns of the second.

    Every other middleware that comes twice, which would do its work twice, is still warned of.
    """
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not ("twice" in str(record.msg) and any(_starts_a_worker(each) for each in arguments))


def _starts_a_worker(middleware: object) -> bool:
    return isinstance(getattr(middleware, "worker", None), dramatiq.Worker)
