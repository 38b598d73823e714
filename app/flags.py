"""Feature flags, for operators: a rollout in steps, and a switch that needs no deploy. Under the rule `admin_only`."""

from typing import Any

from app.auth import caller, services
from app.blueprint import Blueprint
from app.schemas.flags import FlagSchema, FlagsSchema, PercentSchema
from services.flags import Flag

blueprint = Blueprint("flags", __name__, url_prefix="/api/admin/flags", description="For operators (role admin)")


@blueprint.route("")
@blueprint.response(200, FlagsSchema)
@blueprint.refuses(401, 403, 503)
def list_flags() -> Any:
    """Every flag as it stands."""
    return {"flags": services().flags.list_of()}


@blueprint.route("/<string(maxlength=64):flag_name>")
@blueprint.response(200, FlagSchema)
@blueprint.refuses(401, 403, 404, 503)
def show_flag(flag_name: str) -> Flag:
    """One flag."""
    return services().flags.show(flag_name)


@blueprint.route("/<string(maxlength=64):flag_name>", methods=["PUT"])
@blueprint.arguments(PercentSchema)
@blueprint.response(200, FlagSchema)
@blueprint.refuses(400, 401, 403, 404, 415, 422, 503)
def set_flag(body: dict[str, Any], flag_name: str) -> Flag:
    """Roll out to a share of sessions; every process follows within seconds, and raising takes nobody out."""
    return services().flags.set(caller(), flag_name, body["percent"])


@blueprint.route("/<string(maxlength=64):flag_name>", methods=["DELETE"])
@blueprint.response(200, FlagSchema)
@blueprint.refuses(401, 403, 404, 503)
def reset_flag(flag_name: str) -> Flag:
    """Back to what the environment says."""
    return services().flags.reset(caller(), flag_name)
