"""What services ask of the queue. The queue is a hint: work is `queued` in MongoDB before any message is sent."""

from typing import Protocol

from services.models import AnswerRef


class JobQueue(Protocol):
    """Sends work to the workers; raises `Unavailable` when the queue cannot be reached."""

    def transcribe_answer(self, ref: AnswerRef) -> None: ...

    def give_feedback(self, job_id: str) -> None: ...

    def deliver_webhook(self, delivery_id: str) -> None: ...
