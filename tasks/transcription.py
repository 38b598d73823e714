"""The actor that transcribes."""

import dramatiq

from services.container import Services
from services.models import AnswerRef
from tasks.queue import TRANSCRIBE_ANSWER, TRANSCRIPTION_QUEUE

# Above what 10 minutes of audio take on a slow CPU; a worker that is over it gives the answer back.
TIME_LIMIT_MS = 60 * 60 * 1000


def declare(broker: dramatiq.Broker, services: Services) -> None:
    """Declare on a broker that is handed in: two brokers can live in one process, and imports have no effect."""

    @dramatiq.actor(
        actor_name=TRANSCRIBE_ANSWER,
        queue_name=TRANSCRIPTION_QUEUE,
        broker=broker,
        time_limit=TIME_LIMIT_MS,
    )
    def transcribe_answer(session_id: str, question_id: str, answer_id: str) -> None:
        services.transcription.transcribe(AnswerRef(session_id, question_id, answer_id))
