"""What was heard and what people made of it: one document a revision, beside the newest text in the answer itself."""

from dataclasses import replace

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from services.errors import NotFound
from services.models import AnswerRef, Status
from services.storage.answer_updates import answer_change, path_of
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, Expression, increased
from services.storage.new_revisions import NewRevision, RevisionWriter
from services.storage.revisions import RevisionStore
from services.storage.room import require_room
from services.word_errors import word_errors
from services.word_times import packed, times_edited

# What there is of an answer beside its revisions, found by `answer_id`.
BESIDE = ("current_transcripts", "transcript_ratings", "transcript_errors")
# How many answers a sweep looks at: the next one goes on from there.
SWEPT_AT_ONCE = 200


class TranscriptStore:
    """The `transcripts` collection; its first revisions are `AnswerStore`'s."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._transcripts = database["transcripts"]
        self._beside = [database[name] for name in BESIDE]
        self._revisions = RevisionStore(database)
        self._writer = RevisionWriter(database)
        self._client = database.client
        self._swept_until = ""

    @reaching_mongodb
    def edit(self, ref: AnswerRef, text: str, *, revision: int | None, author: str | None = None) -> int | None:
        """Make `text`, which `author` wrote, the next revision of a completed answer and return its number.

        None when the answer is not completed (any more), or not at this `revision`; None for that is whichever it is.
        Raises `Conflict` where the interview is full.
        """
        # Where something is written, somebody found that something was said.
        no_speech = Expression({"$and": [f"${path_of(ref)}.no_speech", not text]})
        return self._change(self._edited(ref, text, author), revision, no_speech)

    @reaching_mongodb
    def restore(self, ref: AnswerRef, number: int, *, revision: int | None, author: str | None = None) -> int | None:
        """Make an earlier text the next revision, as `edit` does; what was heard has its times again.

        Raises `NotFound` where there is no revision of that number.
        """
        again = self._revisions.find(ref.answer_id, number)
        if again is None:
            raise NotFound("There is no such revision of the transcript.", code="no_such_revision")
        if again.is_edited:
            restored = self._edited(ref, again.text, author)
        else:
            restored = NewRevision(
                ref, again.text, segments=again.segments, low_confidence=again.low_confidence, author=author
            )
        return self._change(replace(restored, restored_from=number), revision, Expression(not again.text))

    def _edited(self, ref: AnswerRef, text: str, author: str | None) -> NewRevision:
        """Before any transaction: what was heard never changes, and comparing may take a while."""
        heard = self._revisions.first(ref.answer_id)
        times = b"" if heard is None else packed(times_edited(text, heard.segments))
        errors = word_errors(text, heard.text) if heard is not None and heard.was_heard else None
        return NewRevision(ref, text, is_edited=True, author=author, times=times, errors=errors)

    def _change(self, text: NewRevision, revision: int | None, no_speech: Expression) -> int | None:
        ref, path = text.ref, path_of(text.ref)
        require_room(self._sessions, ref.session_id)
        where: Document = {
            "_id": ref.session_id,
            f"{path}.id": ref.answer_id,
            f"{path}.transcription_status": Status.COMPLETED,
        }
        if revision is not None:
            where[f"{path}.revision"] = revision
        number = increased(f"{path}.revision")
        changed = {"transcript": text.text, "no_speech": no_speech, "revision": number, "edited_at": NOW}
        change = answer_change(ref, changed, open_entry=None, **{f"revisions.{ref.question_id}": number.value})

        def together(transaction: ClientSession) -> int | None:
            after = self._sessions.find_one_and_update(
                where, change, {path: 1}, return_document=ReturnDocument.AFTER, session=transaction
            )
            if after is None:
                return None
            answer = after["answers"][ref.question_id]
            self._writer.add(replace(text, language=answer.get("language")), answer["revision"], transaction)
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
            # The revisions last: by them what is left is found.
            for collection in self._beside:
                collection.delete_many({"answer_id": {"$in": list(gone)}})
            self._transcripts.delete_many({"answer_id": {"$in": list(gone)}})
        return len(gone)
