"""Interviews: the `interview_sessions` collection. Who may see one is part of every query."""

from collections.abc import Mapping
from datetime import datetime
from secrets import token_hex
from typing import Any

from services.models import INTERVIEW, Caller, Question, Session, Task
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.outbox import NEW


class SessionStore:
    """Creates and reads sessions; answers are changed by `AnswerStore`."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def create(self, session: Session, link: Mapping[str, Any]) -> None:
        """Store a new session; `link` holds the hash of its link's token and when it expires."""
        self._sessions.insert_one(session_document(session, link))

    @reaching_mongodb
    def find(self, caller: Caller, session_id: str) -> Session | None:
        """The session if it exists and the caller may see it."""
        return as_session(self._sessions.find_one({"_id": session_id, **visible_to(caller)}, PUBLIC))

    @reaching_mongodb
    def find_unguarded(self, session_id: str) -> Session | None:
        """The session for work of our own, where no caller asks."""
        return as_session(self._sessions.find_one({"_id": session_id}, PUBLIC))

    @reaching_mongodb
    def find_by_link(self, token_hash: str, now: datetime) -> tuple[Caller, datetime] | None:
        """Who the holder of a session link is, and until when; None when the link is unknown or has expired."""
        found = self._sessions.find_one(
            {"link.token_hash": token_hash, "link.expires_at": {"$gt": now}}, {"owner_id": 1, "link.expires_at": 1}
        )
        if found is None:
            return None
        caller = Caller(user_id=found["owner_id"], role="candidate", session_id=found["_id"])
        return caller, found["link"]["expires_at"]

    @reaching_mongodb
    def list_of(self, owner_id: str, *, before: tuple[datetime, str] | None, limit: int) -> list[Session]:
        """An owner's interviews without their answers, newest first, from after the (created_at, id) last seen."""
        # Only what is no interview says what it is (jobs.py).
        where: Document = {"owner_id": owner_id, "kind": None}
        if before is not None:
            created_at, session_id = before
            where["$or"] = [
                {"created_at": {"$lt": created_at}},
                {"created_at": created_at, "_id": {"$lt": session_id}},
            ]
        found = (
            self._sessions.find(where, {**PUBLIC, "answers": 0, "analysis": 0})
            .sort([("created_at", -1), ("_id", -1)])
            .limit(limit)
        )
        return [session for each in found if (session := as_session(each)) is not None]


PUBLIC = {"link": 0, "open": 0, "ended": 0, "answer_ids": 0, "outbox": 0, "notifies": 0}


def session_document(session: Session, link: Mapping[str, Any]) -> Document:
    """A new session as it is stored."""
    questions = [
        {"id": each.id, "prompt": each.prompt, "model_answer": each.model_answer, "key_points": each.key_points}
        for each in session.questions
    ]
    document = {
        "_id": session.id,
        "owner_id": session.owner_id,
        "created_at": session.created_at,
        "updated_at": session.created_at,
        "language": session.language,
        "task": session.task,
        "initial_prompt": session.initial_prompt,
        "vocabulary": list(session.vocabulary),
        "details": dict(session.details),
        "link": dict(link),
        "questions": questions,
        "answers": {},
        "answer_ids": [],
        "open": [],
        "seq": 0,
        # Until it is known that nobody listens (webhooks.py).
        "notifies": NEW,
    }
    return document if session.kind == INTERVIEW else {**document, "kind": session.kind}


def document_without_link(session: Session) -> Document:
    """The same of a session that nobody is sent to: its link has the hash of no token, and is over."""
    return session_document(session, {"token_hash": token_hex(32), "expires_at": session.created_at})


def visible_to(caller: Caller) -> Document:
    """The condition that every read of a session carries."""
    if caller.session_id is not None:
        # Joined with the asked-for id by `$and`: a link opens its own session only.
        return {"$and": [{"_id": caller.session_id}]}
    return {} if caller.role == "admin" else {"owner_id": caller.user_id}


def as_session(found: Document | None) -> Session | None:
    if found is None:
        return None
    questions = tuple(
        Question(each["id"], each["prompt"], each["model_answer"], tuple(each["key_points"]))
        for each in found["questions"]
    )
    return Session(
        id=found["_id"],
        owner_id=found["owner_id"],
        questions=questions,
        answers=found.get("answers", {}),
        seq=found["seq"],
        created_at=found["created_at"],
        language=found["language"],
        details=found["details"],
        analysis=found.get("analysis"),
        # Sessions from before there were hints have none of them.
        task=Task(found.get("task", Task.TRANSCRIBE)),
        initial_prompt=found.get("initial_prompt"),
        vocabulary=tuple(found.get("vocabulary", ())),
        kind=found.get("kind", INTERVIEW),
        submitted_at=found.get("submitted_at"),
    )
