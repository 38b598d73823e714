"""Rows of `current_transcripts` for answers from before there were such rows, or of an earlier version of them.

It goes through the sessions by their ids, some at a time, and keeps how far it is: whoever sweeps next goes on there.
"""

import structlog
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError

from services.log import trace_of
from services.models import AnswerRef, Status
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.new_revisions import VERSION, NewRevision, current_row
from services.storage.revisions import RevisionStore
from services.word_errors import word_errors
from services.word_times import packed, times_edited

log = structlog.get_logger()

SESSIONS_AT_ONCE = 50
NAME = "current_transcripts"


class Backfill:
    """Makes the rows that are missing."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._current = database["current_transcripts"]
        self._states = database["backfills"]
        self._revisions = RevisionStore(database)
        self._client = database.client
        self._is_done = False

    @reaching_mongodb
    def go_on(self) -> int:
        """Look at the next sessions; how many there were, none once it is done."""
        if self._is_done:
            return 0
        state = self._states.find_one({"_id": NAME, "version": VERSION}) or {"after": "", "is_done": False}
        if state["is_done"]:
            self._is_done = True
            return 0
        where = {"_id": {"$gt": state["after"]}}
        found = list(self._sessions.find(where, {"answers": 1}).sort("_id", 1).limit(SESSIONS_AT_ONCE))
        for session in found:
            self._bring_all(session)
        told = {"version": VERSION, "after": found[-1]["_id"] if found else "", "is_done": not found}
        self._states.update_one({"_id": NAME}, {"$set": told}, upsert=True)
        return len(found)

    def _bring_all(self, session: Document) -> None:
        try:
            for question_id, answer in session["answers"].items():
                if answer["transcription_status"] == Status.COMPLETED:
                    self._bring(AnswerRef(session["_id"], question_id, answer["id"]))
        except PyMongoError:
            raise
        except Exception as error:  # noqa: BLE001 - it is logged, without what it says
            # Nobody knows what earlier versions and other hands have left. One that is not found by search is better
            # than all that come after it.
            log.error("A session is left out of search.", session_id=session["_id"], exception=trace_of(error))

    def _bring(self, ref: AnswerRef) -> None:
        if self._current.find_one({"answer_id": ref.answer_id, "version": VERSION}, {"_id": 1}) is not None:
            return
        heard = self._revisions.first(ref.answer_id)
        if heard is None:
            return
        path = f"answers.{ref.question_id}"

        def together(transaction: ClientSession) -> None:
            where = {"_id": ref.session_id, f"{path}.id": ref.answer_id}
            session = self._sessions.find_one(where, {"owner_id": 1, path: 1}, session=transaction)
            answer: Document = session["answers"][ref.question_id] if session else {}
            newest = self._revisions.find(ref.answer_id, answer["revision"], transaction) if session else None
            if session is None or newest is None:
                return
            if newest.is_edited:
                times = packed(times_edited(newest.text, heard.segments))
                errors = word_errors(newest.text, heard.text) if heard.was_heard else None
                revision = NewRevision(ref, newest.text, newest.language, is_edited=True, times=times, errors=errors)
            else:
                revision = NewRevision(ref, newest.text, newest.language, newest.segments)
            row = {
                **current_row(revision, answer),
                "owner_id": session["owner_id"],
                "revision": newest.revision,
                "created_at": newest.created_at,
                "heard_at": heard.created_at,
            }
            # Whoever edits at this moment writes the same row: one of the two transactions is tried again.
            self._current.replace_one({"_id": ref.answer_id}, row, upsert=True, session=transaction)

        in_transaction(self._client, together)
