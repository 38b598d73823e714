"""Probes: alive (`/healthz`) and able to do the job (`/readyz`)."""

from typing import Any

from flask import Flask, current_app, jsonify
from marshmallow import Schema, fields

from app.auth import services
from app.blueprint import Blueprint

blueprint = Blueprint("health", __name__, description="Probes")


class AliveSchema(Schema):
    status = fields.Constant("ok")


class WorkerSchema(Schema):
    state = fields.String(required=True, metadata={"enum": ["loading", "ready", "failed", "missing"]})
    detail = fields.String(required=True)


class ChecksSchema(Schema):
    mongodb = fields.String(required=True)
    worker = fields.Nested(WorkerSchema, required=True)


class ReadinessSchema(Schema):
    status = fields.String(required=True, metadata={"enum": ["ready", "starting", "failed", "draining"]})
    checks = fields.Nested(ChecksSchema, required=True)
    whisper_model = fields.String(required=True, allow_none=True)
    demo_model = fields.Boolean(required=True)


@blueprint.route("/healthz")
@blueprint.response(200, AliveSchema)
@blueprint.doc(security=[])
def healthz() -> Any:
    """Whether the process serves requests."""
    return {"status": "ok"}


@blueprint.route("/readyz")
@blueprint.response(200, ReadinessSchema)
@blueprint.alt_response(503, schema=ReadinessSchema, description="Not now; `checks` say why")
@blueprint.doc(security=[])
def readyz() -> Any:
    """Whether the database answers and a worker has its model. Uploads are accepted without a worker, too."""
    readiness = services().health.readiness()
    status = "draining" if _is_draining() else readiness.status
    body = ReadinessSchema().dump(
        {
            "status": status,
            "checks": {"mongodb": readiness.mongodb, "worker": readiness.worker},
            "whisper_model": readiness.worker.whisper_model,
            "demo_model": readiness.worker.demo_model,
        }
    )
    return jsonify(body), 200 if status == "ready" else 503


def begin_draining(app: Flask) -> None:
    """From here on `/readyz` sends everybody elsewhere: this process ends once it has answered what it was asked."""
    app.extensions["parley_draining"] = True


def _is_draining() -> bool:
    return bool(current_app.extensions.get("parley_draining"))
