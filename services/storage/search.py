"""Search in `current_transcripts`: MongoDB's text index finds one word, a bounded look at the rows does the rest.

The index holds an owner's rows of a word in the order of their scores, and without a sort by score MongoDB stops where
it is told to: the work for a word that stands in every transcript is that for one that stands in `MOST_CANDIDATES`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.search_queries import Phrase, SearchQuery
from services.search_words import is_sign
from services.storage.client import Document, MongoDatabase, reaching_mongodb

# How many rows of the rarest word are looked at, and how many of them may be what was looked for.
MOST_LOOKED_AT = 400
MOST_CANDIDATES = 100
# Of a word that no more transcripts have it is not worth to look for a rarer one.
FEW = 20


@dataclass(frozen=True, slots=True)
class Candidate:
    """A transcript that has what was looked for. `words` are its words as search knows them, between spaces."""

    answer_id: str
    words: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FoundTranscript:
    answer_id: str
    session_id: str
    question_id: str
    revision: int
    created_at: datetime
    text: str
    times: bytes
    language: str | None


class SearchStore:
    """Reads `current_transcripts` by words; RevisionWriter writes it."""

    def __init__(self, database: MongoDatabase) -> None:
        self._current = database["current_transcripts"]
        self._sessions = database["interview_sessions"]

    @reaching_mongodb
    def candidates(self, owner_id: str, query: SearchQuery, language: str | None) -> tuple[Sequence[Candidate], bool]:
        """At most `MOST_CANDIDATES`, and whether that is every transcript that has what was looked for."""
        where: Document = {"$and": [_has(each) for each in query.wanted]}
        if query.unwanted:
            where["$nor"] = [_has(each) for each in query.unwanted]
        if language is not None:
            where["language"] = language
        word, count = self._rarest(owner_id, query)
        rarest = _with_word(owner_id, word)
        rows = self._current.aggregate(
            [
                {"$match": rarest},
                {"$limit": MOST_LOOKED_AT},
                {"$match": where},
                {"$limit": MOST_CANDIDATES},
                {"$project": {"_id": 0, "answer_id": 1, "words": 1, "created_at": 1}},
            ]
        )
        found = [Candidate(**each) for each in rows]
        if len(found) >= MOST_CANDIDATES:
            return found, False
        is_plain = sum(map(len, query.wanted)) == 1 and not query.unwanted and language is None
        if is_plain or count <= MOST_CANDIDATES:
            return found, True
        # Where rows were left out for what they have not, there may be others that nobody looked at.
        return found, self._current.count_documents(rarest, limit=MOST_LOOKED_AT + 1) <= MOST_LOOKED_AT

    @reaching_mongodb
    def read(self, owner_id: str, answer_ids: Sequence[str]) -> Mapping[str, FoundTranscript]:
        """Those of them that are still the answers of sessions that are there, by their ids."""
        rows = list(
            self._current.find({"answer_id": {"$in": list(answer_ids)}}, dict.fromkeys(_FIELDS, 1) | {"_id": 0})
        )
        where = {"_id": {"$in": [each["session_id"] for each in rows]}, "owner_id": owner_id}
        there = {each["_id"]: each["answer_ids"] for each in self._sessions.find(where, {"answer_ids": 1})}
        return {
            row["answer_id"]: FoundTranscript(**row)
            for row in rows
            if row["answer_id"] in there.get(row["session_id"], ())
        }

    def _rarest(self, owner_id: str, query: SearchQuery) -> tuple[str, int]:
        """The word that the fewest transcripts have, and in how many it is known to be: by it the index is asked."""
        words = list(dict.fromkeys(word for phrase in query.wanted for word in phrase))
        rarest, least = words[0], MOST_LOOKED_AT + 1
        if len(words) == 1:
            return rarest, least
        # Long words tend to be rare: one of few rows ends the counting.
        for word in sorted(words, key=len, reverse=True):
            count = self._current.count_documents(_with_word(owner_id, word), limit=min(least, MOST_CANDIDATES + 1))
            if count < least:
                rarest, least = word, count
            if least <= FEW:
                break
        return rarest, least


_FIELDS = ("answer_id", "session_id", "question_id", "revision", "created_at", "text", "times", "language")


def _with_word(owner_id: str, word: str) -> Document:
    """`word` is a token of ours, letters and digits: nothing in it is an operator of MongoDB's query language."""
    return {"owner_id": owner_id, "$text": {"$search": word}}


def _has(phrase: Phrase) -> Document:
    if len(phrase) == 1 and is_sign(phrase[0]):
        return {"signs": {"$regex": re.escape(phrase[0])}}
    return {"words": {"$regex": re.escape(f" {' '.join(phrase)} ")}}
