"""Interviews to search in: answers of the length that people speak, in words as often as words are (Zipf)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import Any

from services.models import AnswerRef
from services.storage.client import MongoDatabase
from services.storage.new_revisions import NewRevision, current_row
from services.word_times import WordTime, packed

QUESTIONS = 5
VOCABULARY = 20_000
WORDS = (50, 150)
SESSIONS_AT_ONCE = 20
MODEL = "bench"
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


class Speech:
    """The same words for the same seed; `word(rank)` is the one that is said so often, the first most."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        words: dict[str, None] = {}
        while len(words) < VOCABULARY:
            # Words that are said often are short.
            longest = 3 + len(words) * 7 // VOCABULARY
            words["".join(self._random.choices(_LETTERS, k=self._random.randint(2, longest)))] = None
        self._words = list(words)
        self._weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))

    def word(self, rank: int) -> str:
        return self._words[rank - 1]

    def answer(self) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=self._random.randint(*WORDS)))


def fill(database: MongoDatabase, speech: Speech, owners: dict[str, int], say: Callable[[str], None]) -> list[str]:
    """So many transcripts for each owner, as they are stored; the ids of the first one's sessions.

    Without their revisions and recordings, which neither search nor a status reads.
    """
    ids: list[str] = []
    for owner_id, transcripts in owners.items():
        say(f"search: {transcripts} transcripts of {owner_id}")
        sessions = transcripts // QUESTIONS
        for start in range(0, sessions, SESSIONS_AT_ONCE):
            made = [
                _session(f"{owner_id[:4].encode().hex()}{start + number:016x}", owner_id, speech)
                for number in range(min(SESSIONS_AT_ONCE, sessions - start))
            ]
            database["interview_sessions"].insert_many([session for session, _ in made])
            database["current_transcripts"].insert_many([row for _, rows in made for row in rows])
            if owner_id == next(iter(owners)):
                ids += [session["_id"] for session, _ in made]
    return ids


def _session(session_id: str, owner_id: str, speech: Speech) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    at = datetime.now(UTC)
    answers: dict[str, dict[str, Any]] = {}
    rows = []
    for number in range(QUESTIONS):
        ref = AnswerRef(session_id, f"q{number}", f"{number}{session_id[1:]}")
        text = speech.answer()
        answers[ref.question_id] = _answer(ref, text, at)
        revision = NewRevision(ref, text, "en", times=_times(text))
        row = current_row(revision, answers[ref.question_id])
        created_at = at - timedelta(minutes=int(session_id[-4:], 16))
        rows.append(
            {**row, "_id": ref.answer_id, "owner_id": owner_id, "revision": 1, "created_at": created_at, "heard_at": at}
        )
    session = {
        "_id": session_id,
        "owner_id": owner_id,
        "created_at": at,
        "language": "en",
        "details": {},
        # Unique, and a link that nobody has.
        "link": {"token_hash": f"none-{session_id}", "expires_at": at},
        "questions": [
            {"id": each, "prompt": "Say something.", "model_answer": None, "key_points": []} for each in answers
        ],
        "answers": answers,
        "answer_ids": [each["id"] for each in answers.values()],
        "open": [],
        "seq": QUESTIONS,
    }
    return session, rows


def _answer(ref: AnswerRef, text: str, at: datetime) -> dict[str, Any]:
    return {
        "id": ref.answer_id,
        "question_id": ref.question_id,
        "transcription_status": "completed",
        "transcript": text,
        "revision": 1,
        "created_at": at,
        "transcribed_at": at,
        "gridfs_file_id": None,
        "whisper_model": MODEL,
        "attempts": 1,
        "crashes": 0,
    }


def _times(text: str) -> bytes:
    """A third of a second for each word."""
    times, place = [], 0
    for number, word in enumerate(text.split()):
        times.append(WordTime(place, place + len(word), 333 * number, 333 * number + 300))
        place += len(word) + 1
    return packed(times)
