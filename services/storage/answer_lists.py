"""Answers of all sessions by where they stand: what failed, what waits, what is worked on. For operators.

An index serves each look: `ended` leads to the sessions with failed and cancelled answers, `open` to the others; what
is said of an answer then comes from the answer itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from services.models import AnswerRef, Status
from services.storage.client import Document, MongoDatabase, reaching_mongodb

ENDED = (Status.FAILED, Status.CANCELLED)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# An answer that ended is placed by its end, one that waits by its acceptance.
_AT = {"$ifNull": ["$answer.ended_at", "$answer.created_at"]}
# Everything but what was said: an operator's list is no place for transcripts.
_UNSAID = {"answer.transcript": 0, "answer.feedback": 0}

_IS_THE_ENDED = {"$eq": ["$$this.v.id", "$ended.answer_id"]}
_OF_THE_SESSION = {"$filter": {"input": {"$objectToArray": "$answers"}, "cond": _IS_THE_ENDED}}
_ITS_ANSWER: list[Document] = [
    {"$project": {"owner_id": 1, "at": 1, "answer": {"$first": _OF_THE_SESSION}}},
    {"$set": {"answer": "$answer.v"}},
]


@dataclass(frozen=True, slots=True)
class Place:
    """An answer, whose it is, and the time that gives its place in the list."""

    ref: AnswerRef
    owner_id: str
    at: datetime
    answer: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """What waits and what is worked on. `unknown_length` counts answers whose sender gave no duration."""

    queued: int
    processing: int
    oldest_at: datetime | None
    audio_seconds: float
    unknown_length: int
    failed_by_code: Mapping[str, int]


class AnswerLists:
    """Reads only; `DecisionStore` changes."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def list_of(
        self, status: Status, *, code: str | None, before: tuple[datetime, str] | None, limit: int
    ) -> Sequence[Place]:
        """Those with a status, newest first, from after the (at, answer id) last seen."""
        if status in ENDED:
            cut: list[Document] = [{"$sort": {"at": -1, "ended.answer_id": -1}}, {"$limit": limit}, *_ITS_ANSWER]
            pipeline = [*_ended_with(status, code, before), *cut]
            return [_as_place(each) for each in self._sessions.aggregate([*pipeline, {"$project": _UNSAID}])]
        found = self._sessions.aggregate(
            [
                *_answers_with(status, code, before),
                {"$sort": {"at": -1, "answer.id": -1}},
                {"$limit": limit},
                {"$project": _UNSAID},
            ]
        )
        return [_as_place(each) for each in found]

    @reaching_mongodb
    def count(self, status: Status, *, code: str | None, before: tuple[datetime, str] | None) -> int:
        """How many `list_of` would find without a limit."""
        which = _ended_with if status in ENDED else _answers_with
        found = list(self._sessions.aggregate([*which(status, code, before), {"$count": "answers"}]))
        return int(found[0]["answers"]) if found else 0

    @reaching_mongodb
    def find(self, answer_ids: Sequence[str]) -> Mapping[str, Place]:
        """Answers by their ids; those that are gone or were recorded again are missing."""
        found = self._sessions.aggregate(
            [
                {"$match": {"answer_ids": {"$in": list(answer_ids)}}},
                *_one_by_one({"answer.id": {"$in": list(answer_ids)}}),
                {"$set": {"at": _AT}},
                {"$project": _UNSAID},
            ]
        )
        places = map(_as_place, found)
        return {each.ref.answer_id: each for each in places}

    @reaching_mongodb
    def depth(self) -> QueueDepth:
        """How much there is to do, and what has failed."""
        is_open = {"answer.transcription_status": {"$in": [Status.QUEUED, Status.PROCESSING]}}
        counted = {
            "_id": "$answer.transcription_status",
            "answers": {"$sum": 1},
            "oldest_at": {"$min": "$answer.created_at"},
            "audio_ms": {"$sum": "$answer.declared_duration_ms"},
            "unknown": {"$sum": {"$cond": [{"$isNumber": "$answer.declared_duration_ms"}, 0, 1]}},
        }
        groups = {
            each["_id"]: each
            for each in self._sessions.aggregate(
                [{"$match": {"open.due": {"$gt": EPOCH}}}, *_one_by_one(is_open), {"$group": counted}]
            )
        }
        return QueueDepth(
            queued=groups.get(Status.QUEUED, {}).get("answers", 0),
            processing=groups.get(Status.PROCESSING, {}).get("answers", 0),
            oldest_at=min((each["oldest_at"] for each in groups.values()), default=None),
            audio_seconds=round(sum(each["audio_ms"] for each in groups.values()) / 1000, 3),
            unknown_length=sum(each["unknown"] for each in groups.values()),
            failed_by_code=self._failed_by_code(),
        )

    def _failed_by_code(self) -> dict[str, int]:
        found = self._sessions.aggregate(
            [
                {"$match": {"ended.status": Status.FAILED}},
                {"$project": {"ended": 1}},
                {"$unwind": "$ended"},
                {"$match": {"ended.status": Status.FAILED}},
                {"$group": {"_id": "$ended.code", "answers": {"$sum": 1}}},
                {"$sort": {"answers": -1, "_id": 1}},
            ]
        )
        return {each["_id"] or "unknown": each["answers"] for each in found}


def _ended_with(status: Status, code: str | None, before: tuple[datetime, str] | None) -> list[Document]:
    """Their entries beside the answers, with a time: the answers themselves are looked at when the page is cut."""
    wanted: Document = {"ended.status": status} if code is None else {"ended.status": status, "ended.code": code}
    return [
        {"$match": _sessions_with(status, code)},
        {"$project": {"owner_id": 1, "answers": 1, "ended": 1}},
        {"$unwind": "$ended"},
        {"$match": wanted},
        {"$set": {"at": "$ended.at"}},
        {"$match": _after(before, "ended.answer_id")},
    ]


def _after(before: tuple[datetime, str] | None, id_field: str) -> Document:
    if before is None:
        return {}
    at, answer_id = before
    return {"$or": [{"at": {"$lt": at}}, {"at": at, id_field: {"$lt": answer_id}}]}


def _answers_with(status: Status, code: str | None, before: tuple[datetime, str] | None) -> list[Document]:
    wanted: Document = {"answer.transcription_status": status}
    if code is not None:
        wanted["answer.transcription_error.code"] = code
    return [
        {"$match": _sessions_with(status, code)},
        *_one_by_one(wanted),
        {"$set": {"at": _AT}},
        {"$match": _after(before, "answer.id")},
    ]


def _sessions_with(status: Status, code: str | None) -> Document:
    if status is Status.QUEUED:
        return {"open.due": {"$gt": EPOCH}}
    if status is Status.PROCESSING:
        return {"open.holder": {"$gt": ""}}
    entry: Document = {"status": status}
    return {"ended": {"$elemMatch": entry if code is None else {**entry, "code": code}}}


def _one_by_one(wanted: Document) -> list[Document]:
    """Each answer by itself, with its session's id and owner."""
    return [
        {"$project": {"owner_id": 1, "answer": {"$objectToArray": "$answers"}}},
        {"$unwind": "$answer"},
        {"$set": {"answer": "$answer.v"}},
        {"$match": wanted},
    ]


def _as_place(found: Document) -> Place:
    answer = found["answer"]
    ref = AnswerRef(found["_id"], answer["question_id"], answer["id"])
    return Place(ref, found["owner_id"], found["at"], answer)
