"""`JobQueue` over Dramatiq: messages by name, so that a web process needs no actor and no model."""

import dramatiq
import redis
from dramatiq.errors import BrokerConnectionError

from services.errors import Unavailable
from services.models import AnswerRef

TRANSCRIPTION_QUEUE, TRANSCRIBE_ANSWER = "transcription", "transcribe_answer"
FEEDBACK_QUEUE, GIVE_FEEDBACK = "feedback", "give_feedback"
WEBHOOK_QUEUE, DELIVER_WEBHOOK = "webhooks", "deliver_webhook"
QUEUES = (TRANSCRIPTION_QUEUE, FEEDBACK_QUEUE, WEBHOOK_QUEUE)


class DramatiqQueue:
    """Sends messages through a broker; every method raises `Unavailable` when it cannot be reached."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker
        for name in QUEUES:
            broker.declare_queue(name)

    def transcribe_answer(self, ref: AnswerRef) -> None:
        self._send(TRANSCRIPTION_QUEUE, TRANSCRIBE_ANSWER, ref.session_id, ref.question_id, ref.answer_id)

    def give_feedback(self, job_id: str) -> None:
        self._send(FEEDBACK_QUEUE, GIVE_FEEDBACK, job_id)

    def deliver_webhook(self, delivery_id: str) -> None:
        self._send(WEBHOOK_QUEUE, DELIVER_WEBHOOK, delivery_id)

    def _send(self, queue_name: str, actor_name: str, *args: str) -> None:
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=queue_name, actor_name=actor_name, args=args, kwargs={}, options={}
        )
        try:
            self._broker.enqueue(message)
        except (BrokerConnectionError, redis.RedisError) as error:
            raise Unavailable("The queue cannot be reached.") from error
