"""How long what an owner has is kept: chosen by the owner, or by an admin for somebody else."""

from typing import Any

from app.auth import caller, services
from app.blueprint import Blueprint
from app.schemas.keeping import RetentionRuleSchema, RetentionSchema
from services.storage.retention_rules import RetentionRule

blueprint = Blueprint("retention", __name__, url_prefix="/api", description="How long something is kept")
# Apart, since another rule guards it.
of_others = Blueprint("retention_of_others", __name__, url_prefix="/api/admin", description="For operators")


@blueprint.route("/retention")
@blueprint.response(200, RetentionSchema)
@blueprint.refuses(401, 403)
def read_retention() -> Any:
    """How long one's own interviews and jobs are kept."""
    return _told(services().retention_rules.of(caller().user_id))


@blueprint.route("/retention", methods=["PUT"])
@blueprint.arguments(RetentionRuleSchema)
@blueprint.response(200, RetentionSchema)
@blueprint.refuses(400, 401, 403, 413, 415, 422)
def choose_retention(body: dict[str, Any]) -> Any:
    """Choose how long; what is over is erased within minutes, and cannot be brought back."""
    return _told(services().retention_rules.choose(caller(), RetentionRule(caller().user_id, **body)))


@of_others.route("/retention/<path:user_id>")
@of_others.response(200, RetentionSchema)
@of_others.refuses(401, 403)
def read_retention_of(user_id: str) -> Any:
    """How long what somebody has is kept."""
    return _told(services().retention_rules.of(user_id))


@of_others.route("/retention/<path:user_id>", methods=["PUT"])
@of_others.arguments(RetentionRuleSchema)
@of_others.response(200, RetentionSchema)
@of_others.refuses(400, 401, 403, 413, 415, 422)
def choose_retention_of(body: dict[str, Any], user_id: str) -> Any:
    """Choose it for somebody."""
    return _told(services().retention_rules.choose(caller(), RetentionRule(user_id, **body)))


def _told(rule: RetentionRule) -> dict[str, Any]:
    limits = services().retention_rules.limits
    return {
        "transcript_days": rule.transcript_days,
        "failed_audio_hours": rule.failed_audio_hours,
        "max_transcript_days": limits.transcript_days or None,
        "max_failed_audio_hours": limits.failed_audio_hours,
    }
