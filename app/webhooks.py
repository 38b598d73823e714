"""Webhooks: where one's own events are sent to, and what became of them. Under the rule `staff_only`."""

from dataclasses import asdict
from typing import Any

from flask import url_for

from app.auth import caller, services
from app.blueprint import Blueprint
from app.cursors import as_cursor, from_cursor
from app.idempotency import idempotent
from app.schemas.webhooks import (
    DeliveryPageSchema,
    DeliveryQuerySchema,
    DeliverySchema,
    NewWebhookSchema,
    ReplayedSchema,
    ReplaySchema,
    WebhookChangeSchema,
    WebhookPageSchema,
    WebhookSchema,
    WebhookWithSecretSchema,
)
from services.errors import NotFound
from services.storage.webhook_deliveries import Delivery
from services.webhook_post import MESSAGE_PREFIX
from services.webhooks import MOST_REPLAYED, NewSecret

blueprint = Blueprint("webhooks", __name__, url_prefix="/api/webhooks", description="Be told when something happened")

_ONE = "/<string(length=24):webhook_id>"
_DELIVERY = f"{_ONE}/deliveries/<string(length=28):delivery_id>"


@blueprint.route("", methods=["POST"])
@idempotent
@blueprint.arguments(NewWebhookSchema)
@blueprint.response(201, WebhookWithSecretSchema)
@blueprint.refuses(400, 401, 403, 409, 415, 422)
def create_webhook(body: dict[str, Any]) -> Any:
    """Name an address that events are sent to; the reply holds its secret, which is shown only now."""
    made = services().webhooks.create(caller(), **body)
    return _with_secret(made), {"Location": url_for("webhooks.read_webhook", webhook_id=made.webhook.id)}


@blueprint.route("")
@blueprint.response(200, WebhookPageSchema)
@blueprint.refuses(401, 403)
def list_webhooks() -> Any:
    """One's own endpoints, ten at most."""
    return {"webhooks": services().webhooks.list_of(caller())}


@blueprint.route(_ONE)
@blueprint.response(200, WebhookSchema)
@blueprint.refuses(401, 403, 404)
def read_webhook(webhook_id: str) -> Any:
    """One endpoint, and how it does."""
    return services().webhooks.get(caller(), webhook_id)


@blueprint.route(_ONE, methods=["PATCH"])
@blueprint.arguments(WebhookChangeSchema)
@blueprint.response(200, WebhookSchema)
@blueprint.refuses(400, 401, 403, 404, 415, 422)
def change_webhook(body: dict[str, Any], webhook_id: str) -> Any:
    """Change an endpoint, switch it off, or on again."""
    return services().webhooks.change(caller(), webhook_id, body)


@blueprint.route(_ONE, methods=["DELETE"])
@blueprint.response(204)
@blueprint.refuses(401, 403, 404)
def delete_webhook(webhook_id: str) -> None:
    """Send nothing there any more, also not what waits."""
    services().webhooks.delete(caller(), webhook_id)


@blueprint.route(f"{_ONE}/secret", methods=["POST"])
@idempotent
@blueprint.response(201, WebhookWithSecretSchema)
@blueprint.refuses(401, 403, 404, 409)
def rotate_secret(webhook_id: str) -> Any:
    """Make a new secret; for a day everything is signed with the one before, too."""
    return _with_secret(services().webhooks.rotate(caller(), webhook_id))


@blueprint.route(f"{_ONE}/test", methods=["POST"])
@idempotent
@blueprint.response(202, DeliverySchema)
@blueprint.refuses(401, 403, 404, 409)
def send_test(webhook_id: str) -> Any:
    """Send an event of the type `webhook.test`, by the way that all take."""
    return _told(services().webhooks.test(caller(), webhook_id))


@blueprint.route(f"{_ONE}/deliveries")
@blueprint.arguments(DeliveryQuerySchema, location="query")
@blueprint.response(200, DeliveryPageSchema)
@blueprint.refuses(401, 403, 404, 422)
def list_deliveries(query: dict[str, Any], webhook_id: str) -> Any:
    """What was sent and is to be sent to an endpoint in the last 30 days, newest first."""
    after = from_cursor(query.get("cursor"))
    page = services().webhooks.deliveries(
        caller(), webhook_id, status=query.get("status"), after=after, limit=query["limit"]
    )
    return {"deliveries": map(_told, page.deliveries), "next": as_cursor(*page.next) if page.next else None}


@blueprint.route(f"{_DELIVERY}/replay", methods=["POST"])
@blueprint.response(202, DeliverySchema)
@blueprint.refuses(401, 403, 404, 409)
def replay_delivery(webhook_id: str, delivery_id: str) -> Any:
    """Send an event again, now, under the same `webhook-id`."""
    event_id = delivery_id.removeprefix(MESSAGE_PREFIX)
    if event_id == delivery_id:
        raise NotFound("There is no such delivery.")
    return _told(services().webhooks.replay(caller(), webhook_id, event_id))


@blueprint.route(f"{_ONE}/replay", methods=["POST"])
@blueprint.arguments(ReplaySchema)
@blueprint.response(202, ReplayedSchema)
@blueprint.refuses(400, 401, 403, 404, 409, 415, 422)
def replay_failed(body: dict[str, Any], webhook_id: str) -> Any:
    """Send again what failed since a time, the oldest first, at most 200 a call."""
    replayed = services().webhooks.replay_failed(caller(), webhook_id, since=body["since"], until=body.get("until"))
    return {"replayed": replayed, "has_more": replayed == MOST_REPLAYED}


def _with_secret(made: NewSecret) -> dict[str, Any]:
    return {**asdict(made.webhook), "is_enabled": made.webhook.is_enabled, "secret": made.secret}


def _told(delivery: Delivery) -> dict[str, Any]:
    return {**asdict(delivery), "id": f"{MESSAGE_PREFIX}{delivery.event_id}"}
