"""Where events are sent to: the `webhooks` collection."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from services.storage.audit import as_document, new_row
from services.storage.client import Document, MongoDatabase, in_transaction, reaching_mongodb
from services.storage.expressions import NOW, REMOVE, Expression, fields, seconds_from_now
from services.storage.webhook_marks import fresh_mark

MOST_PER_OWNER = 10
# Rotated again before the time is over, every one of them is still signed with; but not without end.
MOST_OLD_SECRETS = 4


@dataclass(frozen=True, slots=True)
class Webhook:
    """An endpoint. `events` are the types it hears of (none: all); `secrets` are sealed, the first one is in force."""

    id: str
    owner_id: str
    url: str = field(repr=False)
    events: tuple[str, ...]
    description: str
    created_at: datetime
    secrets: tuple[bytes, ...] = field(repr=False)
    disabled: Mapping[str, Any] | None = None
    failing_since: datetime | None = None
    paused_until: datetime | None = None
    is_ready: bool = True

    @property
    def is_enabled(self) -> bool:
        return self.disabled is None

    def hears_of(self, type_: str) -> bool:
        return not self.events or type_ in self.events


class WebhookStore:
    """Creates, reads and changes endpoints. Whose they are is part of every query that a caller asks."""

    def __init__(self, database: MongoDatabase) -> None:
        self._webhooks = database["webhooks"]
        self._audit = database["audit"]
        self._client = database.client

    @reaching_mongodb
    def create(self, webhook: Webhook) -> Webhook | None:
        """Store it; None when its owner has `MOST_PER_OWNER` already, also of many at once."""
        while True:
            taken = {each["slot"] for each in self._webhooks.find({"owner_id": webhook.owner_id}, {"slot": 1})}
            free = [slot for slot in range(MOST_PER_OWNER) if slot not in taken]
            if not free:
                return None
            document = {
                "_id": webhook.id,
                "owner_id": webhook.owner_id,
                "slot": free[0],
                "url": webhook.url,
                "events": list(webhook.events),
                "description": webhook.description,
                "created_at": webhook.created_at,
                "secret": webhook.secrets[0],
                "old_secrets": [],
                "spreading": fresh_mark(),
            }
            try:
                self._webhooks.insert_one(document)
            except DuplicateKeyError:
                continue
            return _as_webhook(document)

    @reaching_mongodb
    def list_of(self, owner_id: str) -> list[Webhook]:
        return [_as_webhook(each) for each in self._webhooks.find({"owner_id": owner_id}).sort([("slot", 1)])]

    @reaching_mongodb
    def find(self, owner_id: str, webhook_id: str) -> Webhook | None:
        found = self._webhooks.find_one({"_id": webhook_id, "owner_id": owner_id})
        return None if found is None else _as_webhook(found)

    @reaching_mongodb
    def find_unguarded(self, webhook_id: str) -> Webhook | None:
        """For work of our own, where no caller asks."""
        found = self._webhooks.find_one({"_id": webhook_id})
        return None if found is None else _as_webhook(found)

    @reaching_mongodb
    def change(self, owner_id: str, webhook_id: str, changed: Mapping[str, Any]) -> Webhook | None:
        """Set `url`, `events`, `description`; with `disabled` None it is switched on, and with a reason off."""
        values: dict[str, Any] = dict(changed)
        if "disabled" in changed:
            is_off = changed["disabled"] is not None
            values["disabled"] = _off(changed["disabled"]) if is_off else REMOVE
            values |= {"failing_since": REMOVE, "paused_until": REMOVE}
            if not is_off:
                values["spreading"] = fresh_mark()
        return self._changed({"_id": webhook_id, "owner_id": owner_id}, values)

    @reaching_mongodb
    def rotate(self, owner_id: str, webhook_id: str, secret: bytes, *, old_valid_seconds: float) -> Webhook | None:
        """Put a sealed secret in force; the one before is signed with, too, for so long."""
        old = fields({"secret": Expression("$secret"), "until": seconds_from_now(old_valid_seconds)})
        valid = {"$filter": {"input": "$old_secrets", "cond": {"$gt": ["$$this.until", "$$NOW"]}}}
        kept = Expression({"$slice": [{"$concatArrays": [[old], valid]}, MOST_OLD_SECRETS]})
        return self._changed({"_id": webhook_id, "owner_id": owner_id}, {"secret": secret, "old_secrets": kept})

    @reaching_mongodb
    def delete(self, owner_id: str, webhook_id: str) -> bool:
        return self._webhooks.delete_one({"_id": webhook_id, "owner_id": owner_id}).deleted_count == 1

    @reaching_mongodb
    def pause(self, webhook_id: str, *, seconds: float) -> None:
        """It asked to be left alone; nothing is sent there for so long."""
        self._changed({"_id": webhook_id}, {"paused_until": seconds_from_now(seconds)})

    @reaching_mongodb
    def note_success(self, webhook_id: str) -> None:
        """It is not failing (any more)."""
        self._webhooks.update_one({"_id": webhook_id, "failing_since": {"$exists": True}}, {"$unset": _FAILING})

    @reaching_mongodb
    def note_failure(self, webhook_id: str, *, disable_after_seconds: float) -> None:
        """It has failed, and is switched off when nothing but failures came for so long."""
        since = {"$ifNull": ["$failing_since", "$$NOW"]}
        is_over = {"$lte": [since, {"$subtract": ["$$NOW", round(disable_after_seconds * 1000)]}]}
        disabled = {"$cond": [is_over, fields({"reason": "failing", "at": NOW}), "$$REMOVE"]}
        self._perhaps_off(webhook_id, {"failing_since": Expression(since), "disabled": Expression(disabled)})

    @reaching_mongodb
    def disable(self, webhook_id: str, reason: str) -> None:
        """Switch it off for a reason its owner reads."""
        self._perhaps_off(webhook_id, {"disabled": _off(reason)})

    def _perhaps_off(self, webhook_id: str, values: Mapping[str, Any]) -> None:
        """Change one that is on; where that switches it off, the audit log has it, or neither is done."""

        def together(transaction: ClientSession) -> None:
            webhook = self._changed({"_id": webhook_id, "disabled": {"$exists": False}}, values, transaction)
            if webhook is None or webhook.disabled is None:
                return
            details = {"webhook_id": webhook_id, "reason": webhook.disabled["reason"]}
            actor = {"actor_id": "webhooks", "actor_role": "system"}
            row = new_row("webhook.disable", **actor, session_id=None, owner_id=webhook.owner_id, details=details)
            self._audit.insert_one(as_document(row), session=transaction)

        in_transaction(self._client, together)

    def _changed(
        self, where: Document, values: Mapping[str, Any], transaction: ClientSession | None = None
    ) -> Webhook | None:
        change = [{"$set": fields({**values, "updated_at": NOW})}]
        found = self._webhooks.find_one_and_update(
            where, change, return_document=ReturnDocument.AFTER, session=transaction
        )
        return None if found is None else _as_webhook(found)


_FAILING = {"failing_since": ""}


def _off(reason: str) -> Expression:
    return Expression(fields({"reason": reason, "at": NOW}))


def _as_webhook(found: Document) -> Webhook:
    now = datetime.now(UTC)
    return Webhook(
        id=found["_id"],
        owner_id=found["owner_id"],
        url=found["url"],
        events=tuple(found["events"]),
        description=found["description"],
        created_at=found["created_at"],
        secrets=(found["secret"], *(each["secret"] for each in found["old_secrets"] if each["until"] > now)),
        disabled=found.get("disabled"),
        failing_since=found.get("failing_since"),
        paused_until=until if (until := found.get("paused_until")) and until > now else None,
        is_ready="spreading" not in found,
    )


def enabled_of(
    webhooks: Collection[Document], owner_id: str, transaction: ClientSession | None = None
) -> list[Webhook]:
    """Who listens to what happens to an owner's sessions."""
    found = webhooks.find({"owner_id": owner_id, "disabled": {"$exists": False}}, session=transaction)
    return [_as_webhook(each) for each in found]
