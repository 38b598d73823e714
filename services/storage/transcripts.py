"""What was heard and what people made of it: one document a revision, beside the newest text in the answer itself."""

from datetime import UTC, datetime

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.models import AnswerRef, Status
from services.storage.answer_updates import answer_change, path_of
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, Expression, increased

# How many answers a sweep looks at: the next one goes on from there.
SWEPT_AT_ONCE = 200


class TranscriptStore:
    """The `transcripts` collection; its first revisions are `AnswerStore`'s."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._transcripts = database["transcripts"]
        self._client = database.client
        self._swept_until = ""

    @reaching_mongodb
    def edit(self, ref: AnswerRef, text: str, *, revision: int | None) -> int | None:
        """Make `text` the next revision of a completed answer and return its number.

        None when the answer is not completed (any more), or not at this `revision`; None for that is whichever it is.
        """
        path = path_of(ref)
        where: Document = {
            "_id": ref.session_id,
            f"{path}.id": ref.answer_id,
            f"{path}.transcription_status": Status.COMPLETED,
        }
        if revision is not None:
            where[f"{path}.revision"] = revision
        number = increased(f"{path}.revision")
        # Where something is written, somebody found that something was said.
        no_speech = Expression({"$and": [f"${path}.no_speech", not text]})
        changed = {"transcript": text, "no_speech": no_speech, "revision": number, "edited_at": NOW}
        kept = {f"revisions.{ref.question_id}": number.value}
        change = answer_change(ref, changed, open_entry=None, **kept)

        def together(transaction: ClientSession) -> int | None:
            after = self._sessions.find_one_and_update(
                where, change, {path: 1}, return_document=ReturnDocument.AFTER, session=transaction
            )
            if after is None:
                return None
            answer = after["answers"][ref.question_id]
            self._transcripts.insert_one(_edited(ref, answer), session=transaction)
            return int(answer["revision"])

        return in_transaction(self._client, together)

    @reaching_mongodb
    def remove_unreferenced(self) -> int:
        """Remove what is left of answers that were recorded again, some at a time; how many answers that were."""
        after = {"answer_id": {"$gt": self._swept_until}}
        found = self._transcripts.find(after, {"_id": 0, "answer_id": 1}).sort("answer_id", 1).limit(SWEPT_AT_ONCE)
        ids = [each["answer_id"] for each in found]
        self._swept_until = ids[-1] if len(ids) == SWEPT_AT_ONCE else ""
        # In this order: a row and its answer appear together, so one that is seen here has an answer there, or had.
        sessions = self._sessions.find({"answer_ids": {"$in": ids}}, {"answer_ids": 1}) if ids else ()
        gone = set(ids).difference(*(each["answer_ids"] for each in sessions))
        if gone:
            self._transcripts.delete_many({"answer_id": {"$in": list(gone)}})
        return len(gone)


def _edited(ref: AnswerRef, answer: Document) -> Document:
    """What a person wrote has no times in the recording."""
    return {
        "_id": f"{ref.answer_id}:{answer['revision']}",
        "session_id": ref.session_id,
        "answer_id": ref.answer_id,
        "revision": answer["revision"],
        "text": answer["transcript"],
        "language": answer.get("language"),
        "segments": [],
        "is_edited": True,
        "created_at": datetime.now(UTC),
    }
