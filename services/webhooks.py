"""Webhooks as their owners have them: endpoints, secrets, what was delivered, and delivering it again."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from secrets import token_hex
from typing import Any

import structlog

from services.audit import Audit
from services.errors import Conflict, NotFound, Unavailable
from services.jobs import JobQueue
from services.models import Caller, Status
from services.storage.webhook_deliveries import Delivery, DeliveryStore
from services.storage.webhook_marks import MarkStore
from services.storage.webhooks import MOST_PER_OWNER, Webhook, WebhookStore
from services.webhook_addresses import Addresses
from services.webhook_secrets import SecretBox, new_secret

log = structlog.get_logger()

OLD_SECRET_HOURS = 24
MOST_REPLAYED = 200
# How long a request waits until every session of its owner knows that somebody listens; the sweep does the rest.
SPREAD_SECONDS = 2.0
TEST_TYPE = "webhook.test"


class Reason(StrEnum):
    """Why an endpoint is switched off."""

    BY_OWNER = "by_owner"
    GONE = "gone"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """An endpoint with a secret that only this moment can show."""

    webhook: Webhook
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Some deliveries, and the cursor of the next page (None: this was the last)."""

    deliveries: Sequence[Delivery]
    next: tuple[datetime, str] | None


@dataclass(frozen=True)
class WebhookStores:
    endpoints: WebhookStore
    marks: MarkStore
    deliveries: DeliveryStore


class Webhooks:
    """Everything is the caller's own: another person's endpoint is not there."""

    def __init__(
        self, stores: WebhookStores, addresses: Addresses, secrets: SecretBox, jobs: JobQueue, audit: Audit
    ) -> None:
        self._stores = stores
        self._addresses = addresses
        self._secrets = secrets
        self._jobs = jobs
        self._audit = audit

    def create(self, caller: Caller, *, url: str, events: Sequence[str], description: str) -> NewSecret:
        """A new endpoint with its secret; raises `AddressRefused`, and `Conflict` where there are too many."""
        self._judge(url)
        webhook_id, secret, now = token_hex(12), new_secret(), datetime.now(UTC)
        sealed = self._secrets.seal(webhook_id, secret)
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        self._record("webhook.create", caller, webhook_id)
        wanted = Webhook(webhook_id, caller.user_id, url, tuple(dict.fromkeys(events)), description, now, (sealed,))
        webhook = self._stores.endpoints.create(wanted)
        if webhook is None:
            raise Conflict(f"There are {MOST_PER_OWNER} endpoints already.", code="too_many_webhooks")
        self._spread(webhook_id)
        return NewSecret(self.get(caller, webhook_id), secret)

    def list_of(self, caller: Caller) -> Sequence[Webhook]:
        return self._stores.endpoints.list_of(caller.user_id)

    def get(self, caller: Caller, webhook_id: str) -> Webhook:
        """One's own; raises `NotFound`."""
        return _there(self._stores.endpoints.find(caller.user_id, webhook_id))

    def change(self, caller: Caller, webhook_id: str, changed: Mapping[str, Any]) -> Webhook:
        """Change what is named: `url`, `events`, `description`; `is_enabled` switches on and off."""
        self.get(caller, webhook_id)
        values = {name: value for name, value in changed.items() if name != "is_enabled"}
        if "url" in values:
            self._judge(values["url"])
        if "is_enabled" in changed:
            values["disabled"] = None if changed["is_enabled"] else Reason.BY_OWNER
        self._record("webhook.change", caller, webhook_id, fields=sorted(changed))
        _there(self._stores.endpoints.change(caller.user_id, webhook_id, values))
        if changed.get("is_enabled"):
            self._spread(webhook_id)
        return self.get(caller, webhook_id)

    def rotate(self, caller: Caller, webhook_id: str) -> NewSecret:
        """A new secret; for `OLD_SECRET_HOURS` everything is signed with the one before, too."""
        self.get(caller, webhook_id)
        secret = new_secret()
        sealed = self._secrets.seal(webhook_id, secret)
        self._record("webhook.rotate_secret", caller, webhook_id)
        valid = timedelta(hours=OLD_SECRET_HOURS).total_seconds()
        rotated = self._stores.endpoints.rotate(caller.user_id, webhook_id, sealed, old_valid_seconds=valid)
        return NewSecret(_there(rotated), secret)

    def delete(self, caller: Caller, webhook_id: str) -> None:
        """Nothing is sent there any more, also not what waits."""
        self.get(caller, webhook_id)
        self._record("webhook.delete", caller, webhook_id)
        self._stores.endpoints.delete(caller.user_id, webhook_id)

    def test(self, caller: Caller, webhook_id: str) -> Delivery:
        """Send an event that means nothing, whatever types the endpoint hears of."""
        webhook = self._enabled(caller, webhook_id)
        event_id = token_hex(12)
        entry = {"id": event_id, "type": TEST_TYPE, "data": {"webhook_id": webhook_id}}
        self._tell(self._stores.deliveries.add(entry, webhook))
        return self._delivery(webhook_id, event_id)

    def deliveries(
        self, caller: Caller, webhook_id: str, *, status: Status | None, after: tuple[datetime, str] | None, limit: int
    ) -> DeliveryPage:
        """What was sent or is to be sent to an endpoint, newest first."""
        self.get(caller, webhook_id)
        found = self._stores.deliveries.list_of(webhook_id, status=status, before=after, limit=limit + 1)
        page = found[:limit]
        return DeliveryPage(page, (page[-1].created_at, page[-1].event_id) if len(found) > limit else None)

    def replay(self, caller: Caller, webhook_id: str, event_id: str) -> Delivery:
        """Deliver it again, now, under the same id; raises `Conflict` while it is being sent."""
        self._enabled(caller, webhook_id)
        delivery = self._delivery(webhook_id, event_id)
        self._record("webhook.replay", caller, webhook_id)
        if not self._stores.deliveries.replay(delivery.id):
            raise Conflict("It is being sent at this moment.", code="delivery_in_flight")
        self._tell(delivery.id)
        return self._delivery(webhook_id, event_id)

    def replay_failed(self, caller: Caller, webhook_id: str, *, since: datetime, until: datetime | None) -> int:
        """Deliver again what failed of an endpoint, the oldest first, `MOST_REPLAYED` a call; how many."""
        self._enabled(caller, webhook_id)
        self._record("webhook.replay", caller, webhook_id)
        until = until or datetime.now(UTC)
        failed = self._stores.deliveries.failed_between(webhook_id, since, until, limit=MOST_REPLAYED)
        replayed = [each for each in failed if self._stores.deliveries.replay(each)]
        for delivery_id in replayed:
            self._tell(delivery_id)
        return len(replayed)

    def _judge(self, url: str) -> None:
        self._addresses.addresses_of(self._addresses.target_of(url))

    def _enabled(self, caller: Caller, webhook_id: str) -> Webhook:
        webhook = self.get(caller, webhook_id)
        if not webhook.is_enabled:
            raise Conflict("The endpoint is switched off.", code="webhook_disabled")
        return webhook

    def _delivery(self, webhook_id: str, event_id: str) -> Delivery:
        found = self._stores.deliveries.find(webhook_id, event_id)
        if found is None:
            raise NotFound("There is no such delivery.")
        return found

    def _spread(self, webhook_id: str) -> None:
        """As far as time allows. The endpoint is there: what cannot be done now the sweep does."""
        with suppress(Unavailable):
            self._stores.marks.spread_for(webhook_id, seconds=SPREAD_SECONDS)

    def _tell(self, delivery_id: str) -> None:
        try:
            self._jobs.deliver_webhook(delivery_id)
        except Unavailable:
            log.warning("The queue could not be reached.", kind="webhooks")

    def _record(self, action: str, caller: Caller, webhook_id: str, **details: Any) -> None:
        """Before the deed: what cannot be recorded is not done."""
        self._audit.record(action, caller, owner_id=caller.user_id, details={"webhook_id": webhook_id, **details})


def _there(webhook: Webhook | None) -> Webhook:
    if webhook is None:
        raise NotFound("There is no such webhook.")
    return webhook
