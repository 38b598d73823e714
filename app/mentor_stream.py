"""Server-sent events of a mentor interview: each stage as it is, then whatever becomes of it."""

import json
from collections.abc import Iterator

from flask import Response, request

from app import connections
from app.auth import session
from app.blueprint import Blueprint
from app.schemas.mentor import LAST_EVENT_ID
from services.mentor import error_of
from services.stage_news import StageChanged, StageNews
from services.subscription import Event

blueprint = Blueprint(
    "mentor_stream", __name__, url_prefix="/api/mentor-interview", description="Interviews of mentors"
)
blueprint.before_request(connections.admit)
blueprint.teardown_request(connections.leave)


@blueprint.route("/<token>/stream", parameters=[LAST_EVENT_ID])
@blueprint.alt_response(200, schema={"type": "string"}, content_type="text/event-stream", description="Events")
@blueprint.refuses(401, 403, 404)
@blueprint.doc(security=[])
def stream(token: str) -> Response:
    """Hear of every answered stage as it is, then of each change; after `Last-Event-ID` only of what is new since."""
    news = StageNews([each.id for each in session().questions], request.headers.get("Last-Event-ID"))

    def told_of(event: Event) -> Iterator[tuple[str, str]]:
        return ((each.event_id, _as_json(each)) for each in news.of(event))

    return connections.event_stream(session().id, told_of)


def _as_json(changed: StageChanged) -> str:
    told = {"stage_id": changed.stage_id, "status": changed.status}
    error = error_of(changed.answer)
    return json.dumps(told if error is None else {**told, "error": {**error}})
