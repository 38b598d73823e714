"""An event as Standard Webhooks (1.0.0) has it sent, and what the answer means."""

import json
import time
from datetime import datetime
from typing import Any

from services.storage.client import Document
from services.storage.webhook_deliveries import Outcome
from services.storage.webhooks import Webhook
from services.webhook_addresses import Addresses, AddressRefused
from services.webhook_secrets import SecretBox, signature
from services.webhook_sending import Answer, Sender, SendingFailed

# Of `webhook-id`: the event's, so the same at every attempt, replay and endpoint.
MESSAGE_PREFIX = "msg_"


class Post:
    """Signs an event for an endpoint and sends it."""

    def __init__(self, addresses: Addresses, secrets: SecretBox, sender: Sender) -> None:
        self._addresses = addresses
        self._secrets = secrets
        self._sender = sender

    def send(self, delivery: Document, webhook: Webhook) -> tuple[Answer | None, Outcome]:
        """What was answered, if anything was, and what that means."""
        try:
            answer = self._send(delivery, webhook)
        except (SendingFailed, AddressRefused) as error:
            return None, Outcome(code=error.code, message=error.message)
        return answer, _outcome(answer)

    def _send(self, delivery: Document, webhook: Webhook) -> Answer:
        opened = [self._secrets.open(webhook.id, each) for each in webhook.secrets]
        secrets = [each for each in opened if each is not None]
        if opened[0] is None:
            raise SendingFailed("The secret can no longer be read: make a new one.", code="secret_unreadable")
        target = self._addresses.target_of(webhook.url)
        addresses = self._addresses.addresses_of(target)
        body, message_id, timestamp = body_of(delivery), MESSAGE_PREFIX + delivery["event_id"], int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Parley-Webhooks/1",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secrets, message_id=message_id, timestamp=timestamp, body=body),
        }
        return self._sender.post(target, addresses, headers, body)


def body_of(delivery: Document) -> bytes:
    """The same bytes at every attempt: what happened and when, and ids by which more can be asked for."""
    said: dict[str, Any] = {
        "type": delivery["type"],
        "timestamp": _rfc3339(delivery["event_at"]),
        "data": {name: value for name, value in delivery["data"].items() if value is not None},
    }
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _outcome(answer: Answer) -> Outcome:
    if 200 <= answer.status < 300:
        return Outcome(answer.status)
    if 300 <= answer.status < 400:
        message = "The receiver answered with a redirect, which is not followed: change the address."
        return Outcome(answer.status, "redirected", message)
    return Outcome(answer.status, "refused", f"The receiver answered {answer.status}.")
