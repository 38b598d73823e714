"""How well each model hears, on live traffic. Under the rule `admin_only`."""

from typing import Any

from app.auth import services
from app.blueprint import Blueprint
from app.schemas.quality import QualityQuerySchema, QualitySchema
from services.word_errors import NORMALISATION

blueprint = Blueprint("quality", __name__, url_prefix="/api/admin", description="Compare models (role admin)")


@blueprint.route("/quality")
@blueprint.arguments(QualityQuerySchema, location="query")
@blueprint.response(200, QualitySchema)
@blueprint.refuses(401, 403, 422)
def show_quality(query: dict[str, Any]) -> Any:
    """By model: transcripts, ratings, reported errors, and the word error rate where people have corrected it."""
    models = services().quality.of_models(query["since"], query.get("whisper_model"))
    return {"since": query["since"], "normalisation": NORMALISATION, "models": models}
