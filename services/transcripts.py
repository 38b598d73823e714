"""Reading transcripts: as they are now and as they were, with the times of what was heard."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.answer_status import AnswerStatus
from services.captions import as_srt, as_vtt
from services.edited_words import EditedSegment, aligned, timed
from services.errors import Conflict, NotFound
from services.models import Segment
from services.storage.revisions import Revision, RevisionLine, RevisionStore
from services.text_diff import Difference, SplitText, differences

KINDS = ("txt", "srt", "vtt")


class NotHeardYet(Conflict):
    """Raised while a transcript is waited for: the text so far is no transcript, and only the status shows it."""

    code = "transcription_pending"
    retry_after_seconds = 5
    members = {"retryable": True}  # noqa: RUF012


@dataclass(frozen=True, slots=True)
class ReadTranscript:
    """One text of an answer. `segments` are those that were heard, or what became of them where it was edited."""

    answer: AnswerStatus
    revision: Revision
    segments: Sequence[Segment | EditedSegment]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Those of `KINDS` that there are: where nobody knows when anything was said, there are no captions."""
        return KINDS if self.segments or self._seconds is not None else ("txt",)

    def written(self, kind: str) -> str:
        """As one of `KINDS`; raises `Conflict` for captions of a text without times."""
        if kind == "txt":
            return self.revision.text
        if kind not in self.kinds:
            raise Conflict("Nobody knows when this was said: it has no captions.", code="no_times")
        return {"srt": as_srt, "vtt": as_vtt}[kind](self._captioned(), self.answer.gaps)

    def _captioned(self) -> list[Segment]:
        if not self.segments:
            # Nobody knows when which of these words were spoken: one caption over all of it.
            return [Segment(0.0, self._seconds or 0.0, self.revision.text)]
        return [timed(each) if isinstance(each, EditedSegment) else each for each in self.segments]

    @property
    def _seconds(self) -> float | None:
        """How long the recording is, as it was heard or else declared; None for what was typed."""
        heard, declared_ms = self.answer.duration_seconds, self.answer.declared_duration_ms
        return declared_ms / 1000 if heard is None and declared_ms is not None else heard


class Transcripts:
    """Reads the texts of answers."""

    def __init__(self, revisions: RevisionStore) -> None:
        self._revisions = revisions

    def read(self, answer: AnswerStatus, number: int | None = None) -> ReadTranscript:
        """A text of an answer, the newest without a `number`.

        Raises `NotHeardYet`, `Conflict` where nothing was heard and nothing is on its way, and `NotFound` where there
        is no such revision, or none any more.
        """
        newest = _require_transcript(answer)
        revision = self._found(answer, newest if number is None else number)
        heard = self._revisions.first(answer.answer_id) if revision.is_edited else revision
        return told(answer, revision, heard)

    def history(self, answer: AnswerStatus) -> Sequence[RevisionLine]:
        """Every text there was, the newest first; raises as `read` does."""
        _require_transcript(answer)
        return self._revisions.list_of(answer.answer_id)

    def differences(self, answer: AnswerStatus, before: int, after: int) -> list[Difference]:
        """What makes the one revision into the other; raises as `read` does."""
        _require_transcript(answer)
        heard = self._revisions.first(answer.answer_id)
        segments = () if heard is None else heard.segments
        texts = [SplitText(self._found(answer, number).text, segments) for number in (before, after)]
        return list(differences(*texts))

    def _found(self, answer: AnswerStatus, number: int) -> Revision:
        revision = self._revisions.find(answer.answer_id, number)
        if revision is None:
            raise NotFound("There is no such revision of the transcript.", code="no_such_revision")
        return revision


def _require_transcript(answer: AnswerStatus) -> int:
    """The number of the newest revision."""
    if not answer.status.is_terminal:
        raise NotHeardYet("The answer is not transcribed yet. Its status tells how far that is.")
    if answer.revision is None:
        raise Conflict("The answer has no transcript, as its status explains.", code="no_transcript")
    return answer.revision


def told(answer: AnswerStatus, revision: Revision, heard: Revision | None) -> ReadTranscript:
    """A revision, with the times that it has of what was heard."""
    segments: Sequence[Segment | EditedSegment] = revision.segments
    if revision.is_edited and heard is not None:
        segments = aligned(revision.text, heard.segments)
    return ReadTranscript(answer, revision, segments)
