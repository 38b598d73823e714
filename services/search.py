"""Full-text search over an owner's transcripts: the newest text of each answer, the best first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.audit import Audit
from services.errors import Forbidden
from services.models import Caller
from services.search_queries import Phrase, read_query
from services.snippets import Snippet, snippets
from services.storage.backfill import Backfill
from services.storage.search import Candidate, FoundTranscript, SearchStore

# Robertson & Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond": k1 and b as is usual, and the
# length of an answer of a hundred words. Every word has to be there, so none counts more for being rare.
K1, B, USUAL_CHARACTERS = 1.2, 0.75, 550

# A sweep has other things to do; the next one goes on.
SWEEP_SECONDS = 2.0

# The score in millionths, when the text was written, the answer's id: where the last page ended.
Place = tuple[int, datetime, str]


@dataclass(frozen=True, slots=True)
class Result:
    transcript: FoundTranscript
    score: float
    snippets: Sequence[Snippet]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """`is_complete` is false where so many transcripts have what was looked for that not all were looked at."""

    results: Sequence[Result]
    next: Place | None
    is_complete: bool


class Search:
    """Finds transcripts."""

    def __init__(self, store: SearchStore, backfill: Backfill, audit: Audit) -> None:
        self._store = store
        self._backfill = backfill
        self._audit = audit

    def find(
        self,
        actor: Caller,
        text: str,
        *,
        owner_id: str | None = None,
        language: str | None = None,
        after: Place | None = None,
        limit: int = 10,
    ) -> ResultPage:
        """What the actor's own transcripts say; those of `owner_id` for an admin, which is recorded first.

        Raises `InvalidRequest` for a query without words, `Forbidden`, and `Unavailable`.
        """
        owner_id = self._may_search(actor, owner_id)
        query = read_query(text)
        candidates, is_complete = self._store.candidates(owner_id, query, language)
        ranked = sorted((_rank(each, query.wanted) for each in candidates), key=_best_first)
        left = [each for each in ranked if after is None or _best_first(each) > _best_first(after)]
        page = left[:limit]
        # What was erased or recorded again in this moment is no longer to be read, and not shown.
        found = self._store.read(owner_id, [answer_id for *_, answer_id in page])
        results = [_result(found[rank[2]], rank[0], query.wanted) for rank in page if rank[2] in found]
        return ResultPage(results, page[-1] if len(left) > limit else None, is_complete)

    def sweep(self) -> int:
        """Let transcripts be found that are older than search, for a while; how many sessions were looked at."""
        ends_at, looked_at = time.monotonic() + SWEEP_SECONDS, 0
        while found := self._backfill.go_on():
            looked_at += found
            if time.monotonic() > ends_at:
                break
        return looked_at

    def _may_search(self, actor: Caller, owner_id: str | None) -> str:
        if actor.session_id is not None:
            raise Forbidden("A session link does not allow this.")
        if owner_id is None or owner_id == actor.user_id:
            return actor.user_id
        if actor.role != "admin":
            raise Forbidden("Only an admin may search another person's transcripts.")
        self._audit.record("transcripts.search", actor, owner_id=owner_id)
        return owner_id


def _rank(candidate: Candidate, phrases: tuple[Phrase, ...]) -> Place:
    length = 1 - B + B * len(candidate.words) / USUAL_CHARACTERS
    score = 0.0
    for phrase in phrases:
        # One sign of a script without spaces stands within words.
        count = candidate.words.count(f" {' '.join(phrase)} ") or candidate.words.count(phrase[0])
        score += count * (K1 + 1) / (count + K1 * length)
    return round(score * 1_000_000), candidate.created_at, candidate.answer_id


def _best_first(place: Place) -> tuple[int, float, str]:
    score, created_at, answer_id = place
    return -score, -created_at.timestamp(), answer_id


def _result(transcript: FoundTranscript, score: int, phrases: tuple[Phrase, ...]) -> Result:
    return Result(transcript, score / 1_000_000, snippets(transcript.text, phrases, transcript.times))
