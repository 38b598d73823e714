"""The parts of webhooks, joined: those of the process that ends answers, of the owners' API, and of the workers."""

from dataclasses import dataclass
from functools import cached_property

from config import Settings
from services.audit import Audit
from services.jobs import JobQueue
from services.leases import LeasedWork
from services.resending import Resending
from services.storage.client import MongoDatabase
from services.storage.outboxes import OutboxStore
from services.storage.signing_key import SigningKeyStore
from services.storage.webhook_deliveries import DeliveryStore
from services.storage.webhook_marks import MarkStore
from services.storage.webhooks import WebhookStore
from services.watchdog import Watchdog
from services.webhook_addresses import Addresses
from services.webhook_delivering import MAX_ATTEMPTS, WebhookDelivering
from services.webhook_dispatch import WebhookDispatch
from services.webhook_post import Post
from services.webhook_secrets import SecretBox
from services.webhook_sending import TOTAL_SECONDS, Sender
from services.webhooks import Webhooks, WebhookStores


@dataclass(frozen=True)
class WebhookParts:
    """Built once per process; nothing is connected by it."""

    settings: Settings
    database: MongoDatabase
    jobs: JobQueue
    audit: Audit
    watchdog: Watchdog

    @cached_property
    def stores(self) -> WebhookStores:
        # A lease outlives the longest attempt, so that it is renewed for none.
        lease_seconds = max(self.settings.lease_seconds, 2 * TOTAL_SECONDS)
        deliveries = DeliveryStore(self.database, lease_seconds=lease_seconds)
        return WebhookStores(WebhookStore(self.database), MarkStore(self.database), deliveries)

    @cached_property
    def addresses(self) -> Addresses:
        return Addresses(
            own=self.settings.public_url,
            allowed_hosts=self.settings.webhook_allowed_hosts,
            allow_private=self.settings.webhooks_allow_private,
        )

    @cached_property
    def secrets(self) -> SecretBox:
        return SecretBox(self.settings.webhook_secrets_key, SigningKeyStore(self.database).for_webhooks)

    @cached_property
    def dispatch(self) -> WebhookDispatch:
        return WebhookDispatch(OutboxStore(self.database), self.stores.marks, self.jobs.deliver_webhook)

    @cached_property
    def of_owners(self) -> Webhooks:
        return Webhooks(self.stores, self.addresses, self.secrets, self.jobs, self.audit)

    @cached_property
    def delivering(self) -> WebhookDelivering:
        post = Post(self.addresses, self.secrets, Sender())
        work = LeasedWork(self.watchdog, holder=self.settings.holder, max_attempts=MAX_ATTEMPTS)
        stores = self.stores
        return WebhookDelivering(stores.deliveries, stores.endpoints, post, work, self.jobs.deliver_webhook)

    @cached_property
    def resending(self) -> Resending:
        work = self.stores.deliveries.work
        return Resending(work, self.jobs.deliver_webhook, kind="webhooks", holder=self.settings.holder)
