"""For operators: answers that failed, wait or are worked on, the queue, the audit log. Under the rule `admin_only`."""

from typing import Any

from app.auth import caller, services
from app.blueprint import Blueprint
from app.cursors import as_cursor, from_cursor
from app.idempotency import idempotent
from app.schemas.admin import (
    AnswerPageSchema,
    AnswerQuerySchema,
    AuditPageSchema,
    AuditQuerySchema,
    FailSchema,
    ListedAnswerSchema,
    OutcomesSchema,
    QueueSchema,
    SweptSchema,
    WhichSchema,
)
from services.administration import Action, ListedAnswer, Outcomes, Which
from services.models import Status
from services.sweeping import sweeps

blueprint = Blueprint("admin", __name__, url_prefix="/api/admin", description="For operators (role admin)")


@blueprint.route("/answers")
@blueprint.arguments(AnswerQuerySchema, location="query")
@blueprint.response(200, AnswerPageSchema)
@blueprint.refuses(401, 403, 422)
def list_answers(query: dict[str, Any]) -> Any:
    """Answers of all sessions by their status, newest first; without one, those that failed."""
    page = services().administration.list_of(_which(query))
    return {"answers": page.answers, "next": as_cursor(*page.next) if page.next else None}


@blueprint.route("/answers/<string(length=24):answer_id>")
@blueprint.response(200, ListedAnswerSchema)
@blueprint.refuses(401, 403, 404)
def show_answer(answer_id: str) -> ListedAnswer:
    """One answer."""
    return services().administration.show(answer_id)


@blueprint.route("/answers/<string(length=24):answer_id>/retry", methods=["POST"])
@idempotent
@blueprint.response(200, ListedAnswerSchema)
@blueprint.refuses(401, 403, 404, 409)
def retry_answer(answer_id: str) -> ListedAnswer:
    """Queue a failed or cancelled answer again, from the recording that is kept."""
    return services().administration.decide(caller(), Action.RETRY, answer_id)


@blueprint.route("/answers/<string(length=24):answer_id>/cancel", methods=["POST"])
@blueprint.response(200, ListedAnswerSchema)
@blueprint.refuses(401, 403, 404, 409)
def cancel_answer(answer_id: str) -> ListedAnswer:
    """End an answer that waits or is worked on; the work stops at its next window."""
    return services().administration.decide(caller(), Action.CANCEL, answer_id)


@blueprint.route("/answers/<string(length=24):answer_id>/fail", methods=["POST"])
@blueprint.arguments(FailSchema)
@blueprint.response(200, ListedAnswerSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 415, 422)
def fail_answer(body: dict[str, Any], answer_id: str) -> ListedAnswer:
    """End an answer that waits or is worked on as failed, with a sentence for its owner."""
    return services().administration.decide(caller(), Action.FAIL, answer_id, body["message"])


@blueprint.route("/answers/retry", methods=["POST"])
@idempotent
@blueprint.arguments(WhichSchema)
@blueprint.response(200, OutcomesSchema)
@blueprint.refuses(400, 401, 403, 409, 415, 422)
def retry_answers(body: dict[str, Any]) -> Any:
    """Retry many answers, at most 200 a call; each one's outcome is in the reply."""
    return _decided(Action.RETRY, body)


@blueprint.route("/answers/cancel", methods=["POST"])
@blueprint.arguments(WhichSchema)
@blueprint.response(200, OutcomesSchema)
@blueprint.refuses(400, 401, 403, 415, 422)
def cancel_answers(body: dict[str, Any]) -> Any:
    """Cancel many answers, at most 200 a call; each one's outcome is in the reply."""
    return _decided(Action.CANCEL, body)


@blueprint.route("/answers/fail", methods=["POST"])
@blueprint.arguments(WhichSchema)
@blueprint.response(200, OutcomesSchema)
@blueprint.refuses(400, 401, 403, 415, 422)
def fail_answers(body: dict[str, Any]) -> Any:
    """End many answers as failed, at most 200 a call; each one's outcome is in the reply."""
    return _decided(Action.FAIL, body)


@blueprint.route("/queue")
@blueprint.response(200, QueueSchema)
@blueprint.refuses(401, 403)
def show_queue() -> Any:
    """How much waits and is worked on, and what has failed."""
    return services().administration.depth()


@blueprint.route("/sweep", methods=["POST"])
@blueprint.response(200, SweptSchema)
@blueprint.refuses(401, 403, 503)
def sweep() -> Any:
    """Do now what every worker does every few seconds: send again what is due, finish what was cut short."""
    services().audit.record("sweep.run", caller())
    return {name: sweep() for name, sweep in sweeps(services()).items()}


@blueprint.route("/audit")
@blueprint.arguments(AuditQuerySchema, location="query")
@blueprint.response(200, AuditPageSchema)
@blueprint.refuses(401, 403, 422)
def list_audit(query: dict[str, Any]) -> Any:
    """Who did what, newest first; of an erased session by the hash of its id."""
    after = from_cursor(query.get("cursor"))
    page = services().audit.list_of(session_id=query.get("session_id"), after=after, limit=query["limit"])
    return {"rows": page.rows, "next": as_cursor(*page.next) if page.next else None}


def _which(asked: dict[str, Any]) -> Which:
    after = from_cursor(asked.get("cursor"))
    return Which(Status(asked["status"]), code=asked.get("code"), after=after, limit=asked["limit"])


def _decided(action: Action, body: dict[str, Any]) -> dict[str, Any]:
    administration, message = services().administration, body["message"]
    if "answer_ids" in body:
        outcomes = administration.decide_each(caller(), action, body["answer_ids"], message)
    else:
        outcomes = administration.decide_all(caller(), action, _which(body), message)
    return _told(outcomes)


def _told(outcomes: Outcomes) -> dict[str, Any]:
    return {
        "done": outcomes.done,
        "refused": outcomes.refused,
        "outcomes": outcomes.outcomes,
        "remaining": outcomes.remaining,
        "next": as_cursor(*outcomes.next) if outcomes.next else None,
    }
