"""Leases: who may work on something until when. Written once, for whatever is worked on.

What is leased is a document or a part of one, with the fields `attempts`, `crashes`, `not_before` and
`lease {token, holder, expires_at}` beside its status. Filters name whole paths; changes name fields relative to the
path, and are for pipeline updates. All times are the database server's, so the clocks of workers do not matter.
"""

from dataclasses import dataclass
from typing import Any

from services.models import Status
from services.storage.client import Document
from services.storage.expressions import NOW, REMOVE, Expression, fields, increased, seconds_from_now


@dataclass(frozen=True, slots=True)
class Leased:
    """Where the work stands in its document: "answers.q1", or "" for a document of its own."""

    path: str = ""
    status_field: str = "status"

    def is_free(self) -> Document:
        """Queued and due, or held under a lease that has run out."""
        # A second message for work that waits for its next attempt must not bring that forward.
        not_before = {"$ifNull": [f"${self._at('not_before')}", "$$NOW"]}
        return {
            "$or": [
                {self._status: Status.QUEUED, "$expr": {"$lte": [not_before, "$$NOW"]}},
                {self._status: Status.PROCESSING, "$expr": {"$lte": [f"${self._at('lease.expires_at')}", "$$NOW"]}},
            ]
        }

    def is_held(self, token: str) -> Document:
        """The fence: held by whoever has this token, whether its lease has run out or not."""
        return {self._status: Status.PROCESSING, self._at("lease.token"): token}

    def claimed(self, token: str, holder: str, seconds: float) -> dict[str, Any]:
        """Held from now on. What was held before counts a crash: whoever held it never gave it back."""
        crashed = {"$cond": [{"$eq": [f"${self._status}", Status.PROCESSING]}, 1, 0]}
        lease = {"token": token, "holder": holder, "expires_at": seconds_from_now(seconds)}
        return {
            self.status_field: Status.PROCESSING,
            "attempts": increased(self._at("attempts")),
            "crashes": increased(self._at("crashes"), crashed),
            "started_at": NOW,
            "not_before": REMOVE,
            "lease": Expression(fields(lease)),
        }

    def renewed(self, seconds: float) -> dict[str, Any]:
        return {"lease.expires_at": seconds_from_now(seconds)}

    def released(self, due: Expression, *, gives_attempt_back: bool) -> dict[str, Any]:
        """Queued again, for nobody to claim before it is due."""
        changed = {self.status_field: Status.QUEUED, "not_before": due, "lease": REMOVE}
        return {**changed, "attempts": increased(self._at("attempts"), -1)} if gives_attempt_back else changed

    def abandoned(self) -> dict[str, Any]:
        """Queued again in place of a holder that is known to be gone, which counts a crash as an expired lease does."""
        changed = {self.status_field: Status.QUEUED, "not_before": NOW, "lease": REMOVE}
        return {**changed, "crashes": increased(self._at("crashes"))}

    @property
    def _status(self) -> str:
        return self._at(self.status_field)

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name
