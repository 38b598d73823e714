"""The texts that an answer has had: which there are, what differs, and going back to one."""

from typing import Any

from app.auth import caller, services, session
from app.blueprint import Blueprint
from app.ids import checked_question_id
from app.revisions import etag_of, expected_revision
from app.schemas.answers import AnswerStatusSchema
from app.schemas.review import IF_MATCH
from app.schemas.versions import DiffQuerySchema, DiffSchema, RestoreSchema, RevisionListSchema
from services.answer_status import AnswerStatus
from services.storage.revisions import CANDIDATE, TYPED, WORKER, RevisionLine

blueprint = Blueprint("versions", __name__, url_prefix="/api", description="Earlier texts of a transcript")

_TRANSCRIPT = "/sessions/<session_id>/answers/<question_id>/transcript"


@blueprint.route(f"{_TRANSCRIPT}/revisions")
@checked_question_id
@blueprint.response(200, RevisionListSchema)
@blueprint.refuses(401, 404, 409)
def list_revisions(session_id: str, question_id: str) -> Any:
    """Every text there was: what was heard, and what people made of it."""
    answer = _answer(question_id)
    lines = services().transcripts.history(answer)
    return {"revisions": [_told(each) for each in lines], "newest_revision": answer.revision}, etag_of(answer)


@blueprint.route(f"{_TRANSCRIPT}/diff")
@checked_question_id
@blueprint.arguments(DiffQuerySchema, location="query")
@blueprint.response(200, DiffSchema)
@blueprint.refuses(401, 404, 409, 422)
def diff_revisions(query: dict[str, Any], session_id: str, question_id: str) -> Any:
    """What differs between two revisions, word by word, with the times of what was heard."""
    found = services().transcripts.differences(_answer(question_id), query["before"], query["after"])
    return {**query, "differences": found}


@blueprint.route(f"{_TRANSCRIPT}/restore", methods=["POST"])
@checked_question_id
@blueprint.arguments(RestoreSchema)
@blueprint.response(200, AnswerStatusSchema)
@blueprint.doc(parameters=[IF_MATCH])
@blueprint.refuses(400, 401, 403, 404, 409, 412, 413, 415, 422, 428)
def restore_revision(body: dict[str, Any], session_id: str, question_id: str) -> Any:
    """Make an earlier text the newest again, as a revision of its own; `If-Match` says which one it replaces."""
    revision = expected_revision(_answer(question_id))
    services().review.restore_transcript(caller(), session(), question_id, body["revision"], revision)
    restored = services().answers.status(services().sessions.get(caller(), session_id), question_id)
    return restored, etag_of(restored)


def _answer(question_id: str) -> AnswerStatus:
    return services().answers.status(session(), question_id)


def _told(line: RevisionLine) -> dict[str, Any]:
    """Without names: by which part somebody has in the interview."""
    by = line.author or "model"
    if by not in ("model", WORKER, TYPED, CANDIDATE):
        by = "owner" if by == session().owner_id else "admin"
    elif line.author is None and line.is_edited:
        # From before it was kept who edited.
        by = "unknown"
    names = ("revision", "created_at", "is_edited", "restored_from", "words")
    return {**{name: getattr(line, name) for name in names}, "by": by}
