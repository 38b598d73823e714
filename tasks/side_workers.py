"""Workers beside the one that transcribes, in its process: what waits for a network must not keep speech waiting.

Dramatiq's worker has one pool of threads for all its queues; so each further queue gets a small worker of its own.
"""

import logging
import threading
from collections.abc import Sequence

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

    def stop(self, timeout_ms: int) -> "Stopping":
        """Stop them beside each other, and beside the caller, who waits for that by `join`."""
        return Stopping(self._workers, timeout_ms)


class Stopping:
    """Workers that stop at the same time: each takes a second or two, also when it has nothing to do."""

    def __init__(self, workers: Sequence[dramatiq.Worker], timeout_ms: int) -> None:
        self._threads = [
            threading.Thread(target=each.stop, args=(timeout_ms,), name="worker-stop", daemon=True) for each in workers
        ]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()


def _is_no_worker_beside_another(record: logging.LogRecord) -> bool:
    """Whether to log it: each worker adds a middleware to start its consumers by, and the broker warns of the second.

    Every other middleware that comes twice, which would do its work twice, is still warned of.
    """
    arguments = record.args if isinstance(record.args, tuple) else ()
    return not ("twice" in str(record.msg) and any(_starts_a_worker(each) for each in arguments))


def _starts_a_worker(middleware: object) -> bool:
    return isinstance(getattr(middleware, "worker", None), dramatiq.Worker)
