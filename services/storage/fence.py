"""Writing to an answer behind its fence: whoever holds the claim with this token, and nobody else."""

from collections.abc import Mapping
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.errors import LeaseLost
from services.models import AnswerRef, Claim
from services.storage.answer_updates import Pipeline, answer_change, leased, path_of
from services.storage.client import Document, MongoDatabase
from services.storage.expressions import Expression, seconds_from_now


class Fence:
    """Its errors are the driver's own, so that a transaction around it is tried again where that helps."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self.lease_seconds = lease_seconds
        self._sessions = database["interview_sessions"]

    def write(self, ref: AnswerRef, token: str, change: Pipeline, transaction: ClientSession | None = None) -> Document:
        """The answer's revision as it is then; raises `LeaseLost` for a late worker."""
        path = path_of(ref)
        after = self._sessions.find_one_and_update(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, **leased(ref).is_held(token)},
            change,
            projection={f"{path}.revision": 1},
            return_document=ReturnDocument.AFTER,
            session=transaction,
        )
        if after is None:
            raise LeaseLost("The answer was taken over, cancelled, recorded again or erased.")
        answer: Document = after["answers"][ref.question_id]
        return answer

    def renew(self, claim: Claim, changed: Mapping[str, Any], transaction: ClientSession | None = None) -> None:
        """Change the answer and extend the lease."""
        changed = {**changed, **leased(claim.ref).renewed(self.lease_seconds)}
        entry = {"due": self.lease_end(), "holder": claim.holder}
        self.write(claim.ref, claim.token, answer_change(claim.ref, changed, open_entry=entry), transaction)

    def lease_end(self) -> Expression:
        return seconds_from_now(self.lease_seconds)
