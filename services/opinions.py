"""What people say of a transcript: how good it is, and which words are wrong. Each time of one text, by its number."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from services.answer_status import AnswerStatus
from services.errors import Conflict, InvalidRequest, NotFound
from services.models import Caller, Session
from services.storage.opinions import ErrorReport, OpinionStore, Rating, Told
from services.storage.revisions import CANDIDATE
from services.transcripts import Transcripts

KINDS = ("wrong", "missing", "extra", "name", "other")
MOST_REPORTS = 200
LONGEST_COMMENT = 2000
# Of the words that are meant so much is kept with each report, which may be of a whole text.
LONGEST_KEPT = 2000


@dataclass(frozen=True, slots=True)
class WrongWords:
    """Words from `start_word` to before `end_word`; where one is missing, both are its place.

    `heard` are these words as their reporter saw them.
    """

    start_word: int
    end_word: int
    kind: str
    heard: str | None = None
    suggestion: str | None = None
    comment: str | None = None


class Opinions:
    """Takes and tells ratings and reports of errors. A link sees what candidates said, its owner everything."""

    def __init__(self, store: OpinionStore, transcripts: Transcripts) -> None:
        self._store = store
        self._transcripts = transcripts

    def rate(
        self, actor: Caller, session: Session, answer: AnswerStatus, stars: int, comment: str | None, number: int | None
    ) -> Rating:
        """Rate a text (the newest without a `number`), in the place of an earlier rating by the same part.

        Raises as `Transcripts.read` does.
        """
        text = self._transcripts.read(answer, number).revision
        rating = Rating(_told(actor, session, answer, text.revision), stars, comment)
        self._store.rate(rating)
        return rating

    def unrate(self, actor: Caller, session: Session, answer: AnswerStatus) -> None:
        if not self._store.unrate(answer.answer_id, part_of(actor, session)):
            raise NotFound("There is no rating of this transcript by you.", code="no_rating")

    def ratings(self, actor: Caller, answer: AnswerStatus) -> Sequence[Rating]:
        return [each for each in self._store.ratings([answer.answer_id]) if _may_see(actor, each.about)]

    def report(
        self, actor: Caller, session: Session, answer: AnswerStatus, wrong: WrongWords, number: int | None
    ) -> ErrorReport:
        """Report words that are not what was said; the transcript stays as it is.

        Raises as `Transcripts.read` does, `InvalidRequest` for words that are not there, `Conflict` where others stand
        there than `heard`, and after `MOST_REPORTS`.
        """
        text = self._transcripts.read(answer, number).revision
        heard = _words(text.text, wrong)
        if self._store.count_reports(answer.answer_id, at_most=MOST_REPORTS) >= MOST_REPORTS:
            raise Conflict(f"There are {MOST_REPORTS} reports of this transcript: edit it.", code="too_many_reports")
        report = ErrorReport(
            token_hex(12),
            _told(actor, session, answer, text.revision),
            wrong.start_word,
            wrong.end_word,
            wrong.kind,
            heard[:LONGEST_KEPT],
            wrong.suggestion,
            wrong.comment,
        )
        self._store.report(report)
        return report

    def reports(self, actor: Caller, answer: AnswerStatus) -> Sequence[ErrorReport]:
        return [each for each in self._store.reports([answer.answer_id]) if _may_see(actor, each.about)]


def part_of(actor: Caller, session: Session) -> str:
    """Candidate, owner or admin."""
    if actor.session_id is not None:
        return CANDIDATE
    return "owner" if actor.user_id == session.owner_id else "admin"


def _may_see(actor: Caller, about: Told) -> bool:
    return actor.session_id is None or about.by == CANDIDATE


def _told(actor: Caller, session: Session, answer: AnswerStatus, revision: int) -> Told:
    now = datetime.now(UTC)
    # Mongo keeps milliseconds; what is answered now must equal what is read later.
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    by = part_of(actor, session)
    return Told(session.id, answer.question_id, answer.answer_id, revision, answer.whisper_model, by, at)


def _words(text: str, wrong: WrongWords) -> str:
    """The words that are meant, as they stand in the text."""
    found = list(re.finditer(r"\S+", text))
    if not wrong.start_word <= wrong.end_word <= len(found):
        raise InvalidRequest(f"The text has the words 0 to {len(found)}.", code="no_such_words")
    if (wrong.start_word == wrong.end_word) != (wrong.kind == "missing"):
        message = "Say from which word to before which; where one is missing both are the same."
        raise InvalidRequest(message, code="no_such_words")
    if wrong.start_word == wrong.end_word:
        return ""
    there = text[found[wrong.start_word].start() : found[wrong.end_word - 1].end()]
    if wrong.heard is not None and wrong.heard.split() != there.split():
        raise Conflict("Other words stand there in this revision.", code="other_words")
    return there
