"""One event to one endpoint: claimed, signed, sent, and what became of it written down behind the fence."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import structlog

from services.document_lease import DocumentLease
from services.errors import Unavailable
from services.leases import Attempt, LeasedWork
from services.storage.webhook_deliveries import DeliveryStore, Outcome
from services.storage.webhooks import Webhook, WebhookStore
from services.webhook_post import Post
from services.webhook_sending import Answer

log = structlog.get_logger()

# The schedule of Standard Webhooks: the pauses before the second attempt and each after that, over three days.
MINUTE, HOUR = 60, 3_600
PAUSES_SECONDS = (5, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR)
MAX_ATTEMPTS = len(PAUSES_SECONDS) + 1
# Added at random, so that what failed together does not come back together.
JITTER = 0.2
# An endpoint may ask to be left alone for so long, and no longer.
LONGEST_RETRY_AFTER_SECONDS = 24 * HOUR
# And so long nothing at all is sent there: whoever says "too many" means more than the one.
LONGEST_SILENCE_SECONDS = HOUR
DISABLE_AFTER_SECONDS = 5 * 24 * HOUR
# Of one endpoint at once in one process: a slow one leaves threads to the others.
AT_ONCE = 2
# Whoever has one of these places goes on with the next for the same endpoint, for so long.
STAY_SECONDS = 20.0
HELD_BACK = frozenset({429, 502, 503, 504})
GONE = 410


def pause_after(tries: int, retry_after_seconds: int | None = None) -> float:
    """How long to wait after so many tries; not less than the endpoint asked for, within bounds."""
    planned: float = PAUSES_SECONDS[min(tries, len(PAUSES_SECONDS)) - 1]
    asked = min(retry_after_seconds or 0, LONGEST_RETRY_AFTER_SECONDS)
    return max(planned, asked) * (1 + random.uniform(0, JITTER))  # noqa: S311 - nothing secret


class DeliveryLease(DocumentLease):
    """Waits by the schedule where an attempt fails in a way that nobody thought of."""

    def put_off(self, seconds: float) -> None:
        super().put_off(pause_after(self.held["attempts"] - self.held["crashes"]))


class Places:
    """So many at once for each endpoint."""

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lock = threading.Lock()
        self._taken: dict[str, int] = {}

    @contextmanager
    def one_for(self, webhook_id: str) -> Iterator[bool]:
        """Whether there is one; it is held until the block ends."""
        with self._lock:
            is_free = self._taken.get(webhook_id, 0) < self._at_once
            if is_free:
                self._taken[webhook_id] = self._taken.get(webhook_id, 0) + 1
        try:
            yield is_free
        finally:
            if is_free:
                self._leave(webhook_id)

    def _leave(self, webhook_id: str) -> None:
        with self._lock:
            left = self._taken.pop(webhook_id) - 1
            if left:
                self._taken[webhook_id] = left


class WebhookDelivering:
    """Works on deliveries. At least once: whoever dies after the answer and before writing it down sends it again."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        webhooks: WebhookStore,
        post: Post,
        work: LeasedWork,
        send: Callable[[str], None],
    ) -> None:
        self._deliveries = deliveries
        self._webhooks = webhooks
        self._post = post
        self._work = work
        self._send = send
        self._places = Places(AT_ONCE)

    def deliver(self, delivery_id: str) -> None:
        """Deliver it, and then what else waits for the same endpoint; nothing where enough are at that already."""
        webhook_id = delivery_id.rpartition(".")[2]
        with self._places.one_for(webhook_id) as has_place:
            if not has_place:
                return
            ends_at, next_id = time.monotonic() + STAY_SECONDS, delivery_id
            # Of one that wants to be left alone the sweep tells again.
            while not self._is_paused(webhook_id):
                self._deliver(next_id)
                found = self._next_of(webhook_id)
                if found is None or found == next_id:
                    return
                next_id = found
                if time.monotonic() > ends_at:
                    # To the end of the queue: it is the turn of others.
                    self._tell(next_id)
                    return

    def _deliver(self, delivery_id: str) -> None:
        lease = DeliveryLease(
            self._deliveries.work,
            delivery_id,
            kind="delivery",
            exhausted="The last attempt failed.",
            poison="The delivery ended its workers several times.",
        )
        self._work.work_on(lease, lambda attempt: self._attempt(lease, attempt))

    def _attempt(self, lease: DeliveryLease, attempt: Attempt) -> None:
        webhook = attempt.insist(lambda: self._webhooks.find_unguarded(lease.held["webhook_id"]))
        if webhook is None or not webhook.is_enabled:
            outcome = Outcome(code="webhook_disabled", message="The endpoint was switched off or deleted.")
            attempt.insist(lambda: self._deliveries.fail(lease.id, lease.token, outcome))
            return
        started = time.monotonic()
        answer, outcome = self._post.send(lease.held, webhook)
        outcome = replace(outcome, seconds=round(time.monotonic() - started, 3))
        is_gone = answer is not None and answer.status == GONE
        if outcome.code is None:
            attempt.insist(lambda: self._deliveries.complete(lease.id, lease.token, outcome))
        elif attempt.is_last or is_gone:
            attempt.insist(lambda: self._deliveries.fail(lease.id, lease.token, outcome))
        else:
            tries, asked = lease.held["attempts"] - lease.held["crashes"], _asked(answer)
            pause = pause_after(tries, asked)
            attempt.insist(lambda: self._deliveries.put_off(lease.id, lease.token, outcome, seconds=pause))
        log.info(
            "A delivery was tried.", code=outcome.code, status=outcome.status, webhook_id=webhook.id, **lease.facts
        )
        self._note(webhook, outcome, _asked(answer), is_gone=is_gone)

    def _note(self, webhook: Webhook, outcome: Outcome, asked: int | None, *, is_gone: bool) -> None:
        """How the endpoint does. Last, and worth no second attempt at what is written down already."""
        if is_gone:
            self._webhooks.disable(webhook.id, "gone")
        elif outcome.code is not None:
            self._webhooks.note_failure(webhook.id, disable_after_seconds=DISABLE_AFTER_SECONDS)
        elif webhook.failing_since is not None:
            self._webhooks.note_success(webhook.id)
        if asked:
            self._webhooks.pause(webhook.id, seconds=min(asked, LONGEST_SILENCE_SECONDS))

    def _is_paused(self, webhook_id: str) -> bool:
        try:
            webhook = self._webhooks.find_unguarded(webhook_id)
        except Unavailable:
            return False
        return webhook is not None and webhook.paused_until is not None

    def _next_of(self, webhook_id: str) -> str | None:
        try:
            return self._deliveries.next_of(webhook_id)
        except Unavailable:
            return None

    def _tell(self, delivery_id: str) -> None:
        try:
            self._send(delivery_id)
        except Unavailable:
            log.warning("The queue could not be reached.", kind="webhooks")


def _asked(answer: Answer | None) -> int | None:
    return answer.retry_after_seconds if answer is not None and answer.status in HELD_BACK else None
