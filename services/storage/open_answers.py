"""Answers that are not finished, found by the `open` list that an index serves. What recovery stands on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from services.models import AnswerRef
from services.storage.answer_updates import answer_change, leased, path_of, without_lease
from services.storage.client import Document, MongoDatabase, reaching_mongodb
from services.storage.expressions import NOW, seconds_from_now, stored

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """An unfinished answer, when somebody should look after it, who works on it, how often it was sent again."""

    ref: AnswerRef
    due: datetime
    holder: str | None
    resent: int = 0


class OpenAnswerStore:
    """Finds work that was sent but not taken, or taken by a worker that is gone."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def server_time(self) -> datetime:
        """What the clock of the database says, which set every `due`."""
        found: datetime = self._sessions.database.command("hello")["localTime"]
        return found.replace(tzinfo=UTC)  # the client's `tz_aware` does not reach a command's reply

    @reaching_mongodb
    def due(self, before: datetime) -> list[OpenAnswer]:
        """Those due before a time, oldest first."""
        found = self._sessions.find({"open.due": {"$lte": before}}, {"open": 1})
        return sorted((each for each in _open_answers(found) if each.due <= before), key=lambda each: each.due)

    @reaching_mongodb
    def all(self) -> list[OpenAnswer]:
        """Every one, oldest first."""
        return sorted(
            _open_answers(self._sessions.find({"open.due": {"$gt": EPOCH}}, {"open": 1})), key=lambda each: each.due
        )

    @reaching_mongodb
    def postpone(self, answer: OpenAnswer, seconds: float) -> bool:
        """Move the time an answer is due; False when another sweep already did, so that only one of many sends it."""
        is_it = {"$eq": ["$$this.answer_id", stored(answer.ref.answer_id)]}
        later = {"due": seconds_from_now(seconds).value, "resent": {"$add": [{"$ifNull": ["$$this.resent", 0]}, 1]}}
        moved = {"$cond": [is_it, {"$mergeObjects": ["$$this", later]}, "$$this"]}
        entry = {"answer_id": answer.ref.answer_id, "due": answer.due}
        result = self._sessions.update_one(
            {"_id": answer.ref.session_id, "open": {"$elemMatch": entry}},
            [{"$set": {"open": {"$map": {"input": "$open", "in": moved}}}}],
        )
        return result.modified_count == 1

    @reaching_mongodb
    def release_held_by(self, holder: str) -> int:
        """Give back what an earlier process of this very holder was working on when it ended; how many there were.

        Each one counts a crash, as a lease that has run out does: a recording that ends its process must not do so
        at every start.
        """
        found = list(self._sessions.find({"open.holder": holder}, {"open": 1}))
        return sum(self._release(each.ref, holder) for each in _open_answers(found) if each.holder == holder)

    def _release(self, ref: AnswerRef, holder: str) -> int:
        path = path_of(ref)
        changed = {**without_lease(), **leased(ref).abandoned()}
        result = self._sessions.update_one(
            {"_id": ref.session_id, f"{path}.id": ref.answer_id, f"{path}.lease.holder": holder},
            answer_change(ref, changed, open_entry={"due": NOW}),
        )
        return result.modified_count


def _open_answers(sessions: Iterable[Document]) -> Iterator[OpenAnswer]:
    for session in sessions:
        for entry in session["open"]:
            ref = AnswerRef(session["_id"], entry["question_id"], entry["answer_id"])
            yield OpenAnswer(ref, entry["due"], entry.get("holder"), entry.get("resent", 0))
