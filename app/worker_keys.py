"""For operators: the keys of workers that are somebody else's. Under the rule `admin_only`."""

from dataclasses import asdict
from typing import Any

from app.auth import caller, services
from app.blueprint import Blueprint
from app.idempotency import idempotent
from app.schemas.worker import MadeWorkerKeySchema, NewWorkerKeySchema, WorkerKeyListSchema, WorkerKeyQuerySchema

blueprint = Blueprint("worker_keys", __name__, url_prefix="/api/admin/worker-keys", description="Keys of workers")


@blueprint.route("")
@blueprint.arguments(WorkerKeyQuerySchema, location="query")
@blueprint.response(200, WorkerKeyListSchema)
@blueprint.refuses(401, 403, 422)
def list_worker_keys(query: dict[str, Any]) -> Any:
    """Keys that open something, of one owner or of all, the newest first; the secrets are kept nowhere."""
    return {"keys": services().worker_keys.list_of(query.get("owner_id"))}


@blueprint.route("", methods=["POST"])
@idempotent
@blueprint.arguments(NewWorkerKeySchema)
@blueprint.response(201, MadeWorkerKeySchema)
@blueprint.refuses(400, 401, 403, 409, 415, 422)
def make_worker_key(body: dict[str, Any]) -> Any:
    """A key with which a worker may transcribe this owner's answers, and do nothing else."""
    key, secret = services().worker_keys.make(caller(), body["owner_id"], body["name"], days=body["days"])
    return {**asdict(key), "key": secret}


@blueprint.route("/<string(length=24):key_id>", methods=["DELETE"])
@blueprint.response(204)
@blueprint.refuses(401, 403, 404)
def revoke_worker_key(key_id: str) -> None:
    """End a key."""
    services().worker_keys.revoke(caller(), key_id)
