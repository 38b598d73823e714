"""`JobQueue` over Dramatiq: messages by name, so that a web process needs no actor and no model."""

import dramatiq
import redis
from dramatiq.errors import BrokerConnectionError

from services.errors import Unavailable
from services.models import AnswerRef

TRANSCRIPTION_QUEUE = "transcription"
TRANSCRIBE_ANSWER = "transcribe_answer"


class DramatiqQueue:
    """Sends messages through a broker."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        self._broker = broker
        broker.declare_queue(TRANSCRIPTION_QUEUE)

    def transcribe_answer(self, ref: AnswerRef) -> None:
        """Raises `Unavailable` when the broker cannot be reached."""
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=TRANSCRIPTION_QUEUE,
            actor_name=TRANSCRIBE_ANSWER,
            args=(ref.session_id, ref.question_id, ref.answer_id),
            kwargs={},
            options={},
        )
        try:
            self._broker.enqueue(message)
        except (BrokerConnectionError, redis.RedisError) as error:
            raise Unavailable("The queue cannot be reached.") from error
