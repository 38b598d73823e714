"""Jobs: sessions of one recording without an interview, by owner and by where they stand. And many sessions at once."""

from collections.abc import Sequence
from datetime import datetime

from services.models import JOB, Caller, Session, Status
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.sessions import PUBLIC, as_session, visible_to

# The one question of a job.
QUESTION_ID = "recording"
_STATUS = f"answers.{QUESTION_ID}.transcription_status"
# Lists are no place for what was said.
_LISTED = {
    **PUBLIC,
    "analysis": 0,
    **{f"answers.{QUESTION_ID}.{name}": 0 for name in ("transcript", "partial_texts", "feedback")},
}


class JobStore:
    """Reads only: jobs are queued and changed as every answer is."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def list_of(
        self, owner_id: str, *, status: Status | None, before: tuple[datetime, str] | None, limit: int
    ) -> list[Session]:
        """An owner's jobs without their texts, newest first, from after the (created_at, id) last seen."""
        where: Document = {"owner_id": owner_id, "kind": JOB}
        if status is not None:
            where[_STATUS] = status
        if before is not None:
            created_at, session_id = before
            where["$or"] = [
                {"created_at": {"$lt": created_at}},
                {"created_at": created_at, "_id": {"$lt": session_id}},
            ]
        found = self._sessions.find(where, _LISTED).sort([("created_at", -1), ("_id", -1)]).limit(limit)
        return [session for each in found if (session := as_session(each)) is not None]

    @reaching_mongodb
    def find_each(self, caller: Caller, session_ids: Sequence[str]) -> dict[str, Session]:
        """Those jobs that exist and that the caller may see, by their ids and without their texts."""
        where = {"_id": {"$in": list(session_ids)}, "kind": JOB, **visible_to(caller)}
        found = map(as_session, self._sessions.find(where, _LISTED))
        return {session.id: session for session in found if session is not None}

    @reaching_mongodb
    def statuses_of_each(self, caller: Caller, session_ids: Sequence[str]) -> dict[str, tuple[int, list[Status]]]:
        """`seq`, and where each answer stands, of those sessions that the caller may see; no text is read for it."""
        statuses = {"$map": {"input": {"$objectToArray": "$answers"}, "in": "$$this.v.transcription_status"}}
        found = self._sessions.aggregate(
            [
                {"$match": {"_id": {"$in": list(session_ids)}, **visible_to(caller)}},
                {"$project": {"seq": 1, "statuses": statuses}},
            ]
        )
        return {each["_id"]: (each["seq"], [Status(status) for status in each["statuses"]]) for each in found}
