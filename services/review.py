"""Reviewing what was heard: a person's edit is the next revision of a transcript."""

import structlog

from services.audit import Audit
from services.errors import Conflict, NotFound, PreconditionFailed, already_submitted
from services.models import AnswerRef, Caller, Session, Status
from services.storage.revisions import CANDIDATE
from services.storage.transcripts import TranscriptStore
from services.texts import longest_edit, require_storable

log = structlog.get_logger()


class Review:
    """Edits transcripts. No worker and no retry overwrites an edit: both ask for an answer that is not completed."""

    def __init__(self, transcripts: TranscriptStore, audit: Audit) -> None:
        self._transcripts = transcripts
        self._audit = audit

    def edit_transcript(
        self, actor: Caller, session: Session, question_id: str, text: str, revision: int | None
    ) -> int:
        """Replace the text of a completed answer, if it is still at `revision` (None: at any), and return the next one.

        Who edits another person's interview is recorded first. Raises `NotFound`, `InvalidRequest`, `Conflict` for an
        answer that is not completed, `PreconditionFailed`, and `Unavailable`.
        """
        require_storable(text, longest=longest_edit(session.answers.get(question_id, {}).get("transcript")))
        ref = self._editable(actor, session, question_id, revision, "transcript.edit")
        number = self._transcripts.edit(ref, text, revision=revision, author=_author(actor))
        return _told("A transcript was edited.", ref, number)

    def restore_transcript(
        self, actor: Caller, session: Session, question_id: str, number: int, revision: int | None
    ) -> int:
        """Make an earlier text the newest again: the next revision, so that no text is ever lost.

        Raises what `edit_transcript` does, and `NotFound` where there is no revision `number`.
        """
        ref = self._editable(actor, session, question_id, revision, "transcript.restore")
        restored = self._transcripts.restore(ref, number, revision=revision, author=_author(actor))
        return _told("A transcript was restored.", ref, restored)

    def _editable(
        self, actor: Caller, session: Session, question_id: str, revision: int | None, action: str
    ) -> AnswerRef:
        if actor.session_id is not None and session.submitted_at is not None:
            # Whoever holds the link has said that it is done; those who asked may still correct what was heard.
            raise already_submitted()
        answer = session.answers.get(question_id)
        if answer is None:
            raise NotFound("There is no answer to this question yet.", code="no_answer")
        if answer["transcription_status"] != Status.COMPLETED:
            raise Conflict("The answer has no transcript to edit.", code="not_completed")
        ref = AnswerRef(session.id, question_id, answer["id"])
        if revision is not None and answer["revision"] != revision:
            raise _has_changed()
        if actor.user_id != session.owner_id:
            details = {"answer_id": ref.answer_id, "question_id": question_id, "revision": answer["revision"]}
            self._audit.record(action, actor, session_id=session.id, owner_id=session.owner_id, details=details)
        return ref

    def sweep(self) -> int:
        """Remove what replaced answers left behind; how many of them."""
        return self._transcripts.remove_unreferenced()


def _author(actor: Caller) -> str:
    """A link carries its owner's id, and is the candidate's."""
    return actor.user_id if actor.session_id is None else CANDIDATE


def _told(what: str, ref: AnswerRef, number: int | None) -> int:
    if number is None:
        # Also where it was recorded again or erased since it was read: there is no such revision any more.
        raise _has_changed()
    log.info(what, answer_id=ref.answer_id, revision=number)
    return number


def _has_changed() -> PreconditionFailed:
    return PreconditionFailed("The transcript has changed. Read it again before you edit it.")
