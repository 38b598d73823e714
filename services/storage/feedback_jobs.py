"""Feedback jobs: one document a session, whose id is the session's, so that there is never a second one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from services.feedback.report import identity_of, made_of
from services.models import Session, Status
from services.storage.answer_updates import Pipeline
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, Expression, fields, increased, seconds_from_now, stored
from services.storage.leased_documents import RESEND_SECONDS, LeasedDocuments, finished, queued
from services.storage.outbox import FEEDBACK_COMPLETED, FEEDBACK_FAILED, Event, announced, announcement


@dataclass(frozen=True, slots=True)
class FeedbackJob:
    """A job as it stands at `seen_at`, by the clock of the database; `last_error` is `{code, message}`, safe to show.

    `is_new`: the call that returned it has begun it, or begun it again. `report` is the number of the newest report.
    """

    session_id: str
    status: Status
    attempts: int
    created_at: datetime
    seen_at: datetime
    round: int
    request_id: str | None = None
    last_error: Mapping[str, str] | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    not_before: datetime | None = None
    made_of: str | None = None
    report: int | None = None
    is_new: bool = False


class FeedbackJobStore:
    """The `feedback_jobs` collection; as work, its documents are `documents`."""

    def __init__(self, database: MongoDatabase, *, lease_seconds: float) -> None:
        self._jobs = database["feedback_jobs"]
        self._reports = database["feedback_reports"]
        self._sessions = database["interview_sessions"]
        self._client = database.client
        self.documents = LeasedDocuments(self._jobs, lease_seconds=lease_seconds)

    @reaching_mongodb
    def start(self, session: Session, *, request_id: str | None, again_if_failed: bool) -> FeedbackJob:
        """Begin the session's job, or begin it again where what it was about has changed since; else as it stands.

        One write, however many callers there are: of those that come at the same moment one begins it.
        """
        began_by = token_hex(8)
        begun = {
            **queued(),
            "_id": session.id,
            "session_id": session.id,
            "user_id": session.owner_id,
            "created_at": Expression({"$ifNull": ["$created_at", "$$NOW"]}),
            "requested_at": NOW,
            "request_id": request_id,
            "began_by": began_by,
            "round": increased("round"),
            "report": Expression("$report"),
        }
        begins = _begins(stored(made_of(session)), again_if_failed=again_if_failed)
        update = [{"$replaceWith": {"$cond": [begins, fields(begun), "$$ROOT"]}}]
        try:
            found = self._upserted(session.id, update)
        except DuplicateKeyError:
            # Two first calls at the same moment; now there is one, and it is found.
            found = self._upserted(session.id, update)
        return _as_job(found, is_new=found["began_by"] == began_by)

    @reaching_mongodb
    def find(self, session_id: str) -> FeedbackJob | None:
        found = self._jobs.find_one({"_id": session_id}, _SHOWN)
        return None if found is None else _as_job(found)

    @reaching_mongodb
    def wake(self, session_id: str) -> bool:
        """Whether there is a job that may be worked on now; should its message be lost, the sweep sends it soon."""
        may_begin = {"$expr": {"$lte": [{"$ifNull": ["$not_before", "$$NOW"]}, "$$NOW"]}}
        woken = {"due": seconds_from_now(RESEND_SECONDS), "resent": 0}
        result = self._jobs.update_one(
            {"_id": session_id, "status": Status.QUEUED, **may_begin}, [{"$set": fields(woken)}]
        )
        return result.matched_count == 1

    @reaching_mongodb
    def finish(self, session: Session, token: str, report: Mapping[str, Any]) -> bool:
        """Store a report of a session as it was read, its scores, and the end of the job: all or nothing.

        False when the answers have changed since they were read; raises `LeaseLost` for a late worker.
        """
        ended = {
            **finished(Status.COMPLETED),
            "completed_at": NOW,
            "last_error": REMOVE,
            "kept": REMOVE,
            "report": increased("report"),
            "made_of": report["made_of"],
        }

        def together(transaction: ClientSession) -> bool:
            job = self.documents.write(session.id, token, ended, transaction)
            head = {"_id": f"{session.id}:{job['report']}", "session_id": session.id, "number": job["report"]}
            made = {"created_at": datetime.now(UTC), "request_id": job.get("request_id"), "round": job["round"]}
            self._reports.insert_one({**head, **made, **report}, session=transaction)
            # Last: where this process dies now, nobody can write to the session until the server ends the transaction.
            change = _scored(session.id, report, job["report"])
            if self._sessions.update_one(_unchanged(session), change, session=transaction).matched_count:
                return True
            transaction.abort_transaction()
            return False

        return in_transaction(self._client, together)

    @reaching_mongodb
    def keep(self, session_id: str, token: str, question_id: str, score: Mapping[str, Any]) -> None:
        """Extend the lease, and keep the score of an answer until the job has ended, whoever goes on with it."""
        self.documents.hold(session_id, token, {f"kept.{question_id}": score})

    @reaching_mongodb
    def put_off(self, session_id: str, token: str, seconds: float, error: Mapping[str, str]) -> None:
        """Release after an attempt that failed, and say why."""
        self.documents.write(session_id, token, {"last_error": dict(error)})
        self.documents.put_off(session_id, token, seconds)

    @reaching_mongodb
    def fail(self, session_id: str, token: str, error: Mapping[str, str], *, about: str | None) -> None:
        """End it as failed; `about` is what the last attempt was made of, where it came that far."""
        known = REMOVE if about is None else about
        ended = {**finished(Status.FAILED), "last_error": dict(error), "made_of": known, "kept": REMOVE}
        told = {"session_id": session_id, "status": Status.FAILED, "error_code": error["code"]}
        event = announcement(Event(FEEDBACK_FAILED, {**told, "seq": Expression("$seq")}))

        def together(transaction: ClientSession) -> None:
            self.documents.write(session_id, token, ended, transaction)
            self._sessions.update_one({"_id": session_id}, event, session=transaction)

        in_transaction(self._client, together)

    @reaching_mongodb
    def remove(self, session_id: str) -> None:
        """For a session that was erased while somebody asked for its feedback."""
        self._jobs.delete_one({"_id": session_id})

    def _upserted(self, session_id: str, update: Pipeline) -> Document:
        after = ReturnDocument.AFTER
        found = self._jobs.find_one_and_update({"_id": session_id}, update, _SHOWN, upsert=True, return_document=after)
        return found or {}


# `now` is the server's clock: how long a job waits is told by the clock that its times are of.
_SHOWN = {
    **dict.fromkeys(FeedbackJob.__dataclass_fields__, 1),
    "began_by": 1,
    "now": "$$NOW",
}


def _as_job(found: Document, *, is_new: bool = False) -> FeedbackJob:
    names = FeedbackJob.__dataclass_fields__.keys() - {"status", "seen_at", "is_new"}
    known = {name: found[name] for name in names if name in found}
    return FeedbackJob(**known, status=Status(found["status"]), seen_at=found["now"], is_new=is_new)


def _begins(current: Any, *, again_if_failed: bool) -> Document:
    """Whether there is no job yet, or one that has ended and was about other answers."""
    is_about_others = {"$ne": ["$made_of", current]}
    has_failed = {"$eq": ["$status", Status.FAILED]}
    is_known = {"$ne": [{"$type": "$made_of"}, "missing"]}
    return {
        "$or": [
            {"$eq": [{"$type": "$status"}, "missing"]},
            {"$and": [{"$eq": ["$status", Status.COMPLETED]}, is_about_others]},
            {"$and": [has_failed] if again_if_failed else [has_failed, is_known, is_about_others]},
        ]
    }


def _unchanged(session: Session) -> Document:
    """The session, if all of its answers are still what they were when it was read."""
    where: Document = {"_id": session.id}
    for question in session.questions:
        path = f"answers.{question.id}"
        if question.id not in session.answers:
            where[path] = {"$exists": False}
            continue
        answer_id, status, revision = identity_of(session.answers[question.id])
        where |= {f"{path}.id": answer_id, f"{path}.transcription_status": status, f"{path}.revision": revision}
    return where


def _scored(session_id: str, report: Mapping[str, Any], number: int) -> Pipeline:
    scores = {
        f"answers.{answer['question_id']}.{name}": value
        for answer in report["answers"]
        if answer["score"] is not None
        for name, value in (
            ("score", answer["score"]),
            ("feedback", answer["feedback"]),
            ("feedback_metadata", answer["metadata"]),
        )
    }
    analysis = {
        "provider": (report["metadata"] or {}).get("provider"),
        "scored_at": NOW,
        "seq": increased("seq"),
        "made_of": report["made_of"],
        "report": number,
    }
    # An operator, so that the whole analysis is replaced: a plain document would be merged into the old one.
    whole = Expression({"$mergeObjects": [fields(analysis)]})
    told = {"session_id": session_id, "status": Status.COMPLETED, "report": number, "seq": increased("seq")}
    outbox = announced(Event(FEEDBACK_COMPLETED, told))
    kept = {"analysis": whole, "seq": increased("seq"), "updated_at": NOW, "outbox": outbox}
    return [{"$set": fields({**scores, **kept})}]
