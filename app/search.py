"""Search over one's own transcripts."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from app.auth import caller, services
from app.blueprint import Blueprint
from app.schemas.search import ResultPageSchema, SearchQuerySchema
from services.errors import InvalidRequest
from services.search import Place

blueprint = Blueprint("search", __name__, url_prefix="/api", description="Find what was said")


@blueprint.route("/search")
@blueprint.arguments(SearchQuerySchema, location="query")
@blueprint.response(200, ResultPageSchema)
@blueprint.refuses(401, 403, 422)
def search(query: dict[str, Any]) -> Any:
    """Transcripts that say all of these words, the best first, with the places where they do."""
    after = _from_cursor(query.get("cursor"))
    filters = {name: query.get(name) for name in ("owner_id", "language")}
    page = services().search.find(caller(), query["q"], after=after, limit=query["limit"], **filters)
    return {"results": page.results, "next": _as_cursor(page.next), "is_complete": page.is_complete}


def _as_cursor(place: Place | None) -> str | None:
    if place is None:
        return None
    score, at, answer_id = place
    return base64.urlsafe_b64encode(f"{score} {at.isoformat()} {answer_id}".encode()).decode()


def _from_cursor(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    try:
        score, at, answer_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        parsed = datetime.fromisoformat(at)
        if parsed.tzinfo is None:
            raise ValueError("no time zone")
        return int(score), parsed.astimezone(UTC), answer_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise InvalidRequest("The cursor is not one of ours.", code="invalid_cursor") from error
