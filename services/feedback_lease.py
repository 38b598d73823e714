"""The feedback of a session as a piece of work: what each end of an attempt means (services/leases.py)."""

from collections.abc import Mapping

from services.document_lease import DocumentLease
from services.errors import ParleyError, WorkRejected
from services.feedback.report import Identity, Told
from services.models import Status
from services.storage.feedback_jobs import FeedbackJobStore

EXHAUSTED = {"code": "attempts_exhausted", "message": "The scoring failed several times. It can be asked for again."}
POISON = {"code": "poison", "message": "The scoring was cut short several times. It can be asked for again."}
FAILED = {"code": "scoring_failed", "message": "The scoring failed."}


class FeedbackLease(DocumentLease):
    """Knows besides what the attempt was about, and what went wrong, in words that may be shown.

    `scores` are those that it has come to, by what they are scores of.
    """

    def __init__(self, jobs: FeedbackJobStore, session_id: str) -> None:
        super().__init__(jobs.documents, session_id, kind="session", exhausted="", poison="")
        self._jobs = jobs
        self._error: Mapping[str, str] = FAILED
        self.about: str | None = None
        self.scores: dict[Identity, Told] = {}

    def recall(self, provider: str) -> None:
        """The scores by this provider that were kept by whoever worked on this job before."""
        found = self.held.get("kept") or {}
        for each in found.values():
            if each["told"]["metadata"]["provider"] == provider:
                answer_id, status, revision = each["of"]
                self.scores[answer_id, Status(status), revision] = each["told"]

    def keep(self, question_id: str, identity: Identity) -> None:
        """One of `scores`: it was paid for, and no crash or restart is to ask for it again."""
        score = {"of": list(identity), "told": self.scores[identity]}
        self._jobs.keep(self.id, self.token, question_id, score)

    def note(self, error: Exception) -> None:
        """What others' errors say is not shown: nobody knows what they quote."""
        self._error = {"code": error.code, "message": error.message} if isinstance(error, ParleyError) else FAILED

    def put_off(self, seconds: float) -> None:
        self._jobs.put_off(self.id, self.token, seconds, self._error)

    def reject(self, error: WorkRejected) -> None:
        self._end({"code": error.code, "message": error.message})

    def exhaust(self) -> None:
        self._end(EXHAUSTED)

    def give_up(self) -> None:
        self._end(POISON)

    def _end(self, error: Mapping[str, str]) -> None:
        self._jobs.fail(self.id, self.token, error, about=self.about)
