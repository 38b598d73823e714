"""The actor that scores interviews."""

import dramatiq

from services.container import Services
from tasks.queue import FEEDBACK_QUEUE, GIVE_FEEDBACK

# Above the deadline of an attempt (services/leases.py), which counts one; this would not.
TIME_LIMIT_MS = 60 * 60 * 1000


def declare(broker: dramatiq.Broker, services: Services) -> None:
    """Declare on a broker that is handed in, as transcription.py."""

    @dramatiq.actor(actor_name=GIVE_FEEDBACK, queue_name=FEEDBACK_QUEUE, broker=broker, time_limit=TIME_LIMIT_MS)
    def give_feedback(session_id: str) -> None:
        services.scoring.work(session_id)
