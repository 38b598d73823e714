"""How a text becomes a revision: the one way in, for what was heard, edited, restored, typed or written elsewhere.

With the row of the revision comes, in the same transaction, that of the answer's newest text in `current_transcripts`:
what search looks through and what the figures of quality count. One row an answer, small, and never of an older text.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from pymongo.client_session import ClientSession

from services.models import AnswerRef, Passage, Segment
from services.search_words import signs, tokens
from services.storage.client import Document, MongoDatabase
from services.word_errors import WordErrors
from services.word_times import packed, times_heard

# Of what is below: rows of another version are made anew (services/storage/backfill.py).
VERSION = 1
# Search finds these words of one transcript, and no later ones: four hours of speech.
MOST_WORDS = 40_000


@dataclass(frozen=True, slots=True)
class NewRevision:
    """A text of an answer. `author`: a user id, "candidate", "worker" or "typed" (by whomever); None is our model.

    `times` (services/word_times.py) are those of the words; without them they are read from the segments. `errors` is
    how wrong the model was by what a person made of its text.
    """

    ref: AnswerRef
    text: str
    language: str | None = None
    segments: Sequence[Segment] = ()
    low_confidence: Sequence[Passage] = ()
    is_edited: bool = False
    author: str | None = None
    restored_from: int | None = None
    times: bytes | None = None
    errors: WordErrors | None = None


class RevisionWriter:
    """Adds revisions; its errors are the driver's own, so that a transaction around it is tried again."""

    def __init__(self, database: MongoDatabase) -> None:
        self._sessions = database["interview_sessions"]
        self._transcripts = database["transcripts"]
        self._current = database["current_transcripts"]

    def add(self, revision: NewRevision, number: int, transaction: ClientSession) -> None:
        """Add, as revision `number`, what the answer has become, which was changed before in this transaction."""
        ref, now = revision.ref, datetime.now(UTC)
        self._transcripts.insert_one(_row(revision, number, now), session=transaction)
        path = f"answers.{ref.question_id}"
        projection = {"owner_id": 1, f"{path}.whisper_model": 1}
        session = self._sessions.find_one({"_id": ref.session_id}, projection, session=transaction)
        if session is None:
            raise LookupError("a revision is added after its answer was changed, in the same transaction")
        current = {
            **current_row(revision, session["answers"][ref.question_id]),
            "owner_id": session["owner_id"],
            "revision": number,
            "created_at": now,
        }
        change = {"$set": current, "$setOnInsert": {"heard_at": now}}
        self._current.update_one({"_id": ref.answer_id}, change, upsert=True, session=transaction)


def current_row(revision: NewRevision, answer: Document) -> Document:
    """What `current_transcripts` tells of an answer by its newest text."""
    words = [each.text for each, _ in zip(tokens(revision.text), range(MOST_WORDS), strict=False)]
    times = packed(times_heard(revision.text, revision.segments)) if revision.times is None else revision.times
    return {
        "version": VERSION,
        "answer_id": revision.ref.answer_id,
        "session_id": revision.ref.session_id,
        "question_id": revision.ref.question_id,
        "text": revision.text,
        # Between spaces, so that what is looked for is found as a whole word.
        "words": f" {' '.join(words)} ",
        "signs": " ".join(sorted(signs(revision.text))),
        "times": times,
        "language": revision.language,
        "whisper_model": answer.get("whisper_model"),
        "is_edited": revision.is_edited,
        "errors": None if revision.errors is None else asdict(revision.errors),
    }


def _row(revision: NewRevision, number: int, now: datetime) -> Document:
    ref = revision.ref
    return {
        "_id": f"{ref.answer_id}:{number}",
        "session_id": ref.session_id,
        "answer_id": ref.answer_id,
        "revision": number,
        "text": revision.text,
        "word_count": len(revision.text.split()),
        "language": revision.language,
        "segments": [asdict(each) for each in revision.segments],
        "low_confidence": [asdict(each) for each in revision.low_confidence],
        "is_edited": revision.is_edited,
        "author": revision.author,
        "restored_from": revision.restored_from,
        "created_at": now,
    }
