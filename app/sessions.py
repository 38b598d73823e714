"""Interviews: start one, read one, list one's own."""

from dataclasses import replace
from typing import Any

from flask import current_app, g, url_for

from app.auth import caller, services, session
from app.blueprint import Blueprint
from app.cursors import as_cursor, from_cursor
from app.idempotency import idempotent
from app.schemas.sessions import (
    NewSessionSchema,
    PageQuerySchema,
    SessionDetailsSchema,
    SessionPageSchema,
    StartedSessionSchema,
)
from services.answer_status import statuses_of
from services.models import Question, Session

blueprint = Blueprint("sessions", __name__, url_prefix="/api/sessions", description="Interviews")


@blueprint.route("", methods=["POST"])
@idempotent
@blueprint.arguments(NewSessionSchema)
@blueprint.response(201, StartedSessionSchema)
@blueprint.refuses(400, 401, 403, 409, 413, 415, 422)
def start_session(body: dict[str, Any]) -> Any:
    """Start an interview; the reply holds the link for the candidate, which is shown only now."""
    details = {name: body[name] for name in ("tier", "consent") if body.get(name) is not None}
    started = services().sessions.start(
        caller(), body["questions"], language=body.get("language"), details=details, hints=body["hints"]
    )
    g.created_session_id = started.session.id
    link = f"{current_app.config['PUBLIC_URL']}/?token={started.link_token}"
    reply = {**_fields(started.session), "link": link, "link_expires_at": started.link_expires_at}
    return reply, {"Location": url_for("sessions.read_session", session_id=started.session.id)}


@blueprint.route("/<session_id>")
@blueprint.response(200, SessionDetailsSchema)
@blueprint.refuses(401, 404)
def read_session(session_id: str) -> Any:
    """An interview with the status of every answer."""
    worker, found = services().health.worker(), session()
    return {
        **(_fields(found) if caller().session_id is None else _fields_for_candidate(found)),
        "submitted_at": found.submitted_at,
        "answers": statuses_of(found),
        "whisper_model": worker.whisper_model,
        "demo_model": worker.demo_model,
    }


@blueprint.route("")
@blueprint.arguments(PageQuerySchema, location="query")
@blueprint.response(200, SessionPageSchema)
@blueprint.refuses(401, 403, 422)
def list_sessions(query: dict[str, Any]) -> Any:
    """One's own interviews, newest first."""
    after = from_cursor(query.get("cursor"))
    page = services().sessions.list_of(caller(), after=after, limit=query["limit"])
    return {"sessions": page.sessions, "next": as_cursor(*page.next) if page.next else None}


def _fields(found: Session) -> dict[str, Any]:
    names = ("id", "created_at", "seq", "language", "task", "initial_prompt", "vocabulary", "details", "questions")
    return {**{name: getattr(found, name) for name in names}, "consent_required": services().consents.is_required}


def _fields_for_candidate(found: Session) -> dict[str, Any]:
    """A link is the candidate's: what answers the questions, or gives it away, is for those who ask them."""
    asked = tuple(Question(each.id, each.prompt) for each in found.questions)
    fields = _fields(replace(found, questions=asked))
    return {name: value for name, value in fields.items() if name not in ("initial_prompt", "vocabulary")}
