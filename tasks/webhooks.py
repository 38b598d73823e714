"""The actor that delivers webhooks."""

import dramatiq

from services.container import Services
from tasks.queue import DELIVER_WEBHOOK, WEBHOOK_QUEUE

# A message stands for an endpoint's deliveries of some 20 seconds, and one of them takes 10 at most.
TIME_LIMIT_MS = 120 * 1000


def declare(broker: dramatiq.Broker, services: Services) -> None:
    """Declare on a broker that is handed in: two brokers can live in one process, and imports have no effect."""

    @dramatiq.actor(
        actor_name=DELIVER_WEBHOOK,
        queue_name=WEBHOOK_QUEUE,
        broker=broker,
        time_limit=TIME_LIMIT_MS,
    )
    def deliver_webhook(delivery_id: str) -> None:
        services.webhook_delivering.deliver(delivery_id)
