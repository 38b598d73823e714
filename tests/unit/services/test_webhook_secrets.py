"""Signatures as Standard Webhooks has them, and secrets at rest."""

import base64
import json
import re
import time
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from config import ROOT
from services.webhook_secrets import PREFIX, SecretBox, new_secret, signature

pytestmark = pytest.mark.covers("Q-webhooks")

BODY = b'{"type":"answer.transcribed","data":{"text":"\xc3\xa9"}}'


def headers(secrets: list[str], *, message_id: str = "msg_1", at: float | None = None) -> dict[str, str]:
    timestamp = int(at or time.time())
    signed = signature(secrets, message_id=message_id, timestamp=timestamp, body=BODY)
    return {"webhook-id": message_id, "webhook-timestamp": str(timestamp), "webhook-signature": signed}


def test_a_secret_has_the_form_of_the_specification_and_is_never_the_same() -> None:
    secret = new_secret()
    assert secret.startswith(PREFIX)
    assert 24 <= len(base64.b64decode(secret.removeprefix(PREFIX), validate=True)) <= 64
    assert new_secret() != secret


def test_the_specifications_own_library_accepts_a_signature() -> None:
    secret = new_secret()
    assert Webhook(secret).verify(BODY, headers([secret])) == json.loads(BODY)


def test_a_known_message_has_the_signature_that_others_compute() -> None:
    # The example of the libraries of Standard Webhooks.
    found = signature(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        message_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "a second later"},
        {"webhook-signature": "v1,AAAA"},
    ],
    ids=["another id", "another time", "another signature"],
)
def test_what_was_changed_on_the_way_is_found_out(change: dict[str, str]) -> None:
    secret = new_secret()
    sent = headers([secret])
    if "webhook-timestamp" in change:
        change = {"webhook-timestamp": str(int(sent["webhook-timestamp"]) + 1)}
    with pytest.raises(WebhookVerificationError, match="signature"):
        Webhook(secret).verify(BODY, {**sent, **change})


def test_while_a_secret_is_replaced_the_old_and_the_new_both_check() -> None:
    old, new = new_secret(), new_secret()
    sent = headers([new, old])
    assert len(sent["webhook-signature"].split(" ")) == 2
    Webhook(old).verify(BODY, sent)
    Webhook(new).verify(BODY, sent)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, sent)


def test_a_sealed_secret_opens_for_its_endpoint_only() -> None:
    box, secret = SecretBox("k" * 32, lambda: b"s" * 32), new_secret()
    sealed = box.seal("one", secret)
    assert secret.encode() not in sealed
    assert box.open("one", sealed) == secret
    assert box.open("two", sealed) is None
    assert box.open("one", sealed[:-1] + bytes([sealed[-1] ^ 1])) is None


def test_a_setting_that_comes_later_opens_what_was_sealed_before_it_and_one_that_changed_does_not() -> None:
    before, secret = SecretBox(None, lambda: b"s" * 32), new_secret()
    sealed = before.seal("one", secret)
    later = SecretBox("k" * 32, lambda: b"s" * 32)
    assert later.open("one", sealed) == secret
    assert before.open("one", later.seal("one", secret)) is None


def test_the_program_in_the_documentation_takes_an_event_once_and_nothing_forged() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/webhooks.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    secret, seen = new_secret(), set[str]()
    sent = headers([secret])
    assert names["receive"](BODY, sent, secret, seen) == json.loads(BODY)
    assert names["receive"](BODY, sent, secret, seen) is None
    for forged in ({**sent, "webhook-id": "msg_2"}, headers([new_secret()]), headers([secret], at=time.time() - 600)):
        with pytest.raises(WebhookVerificationError):
            names["receive"](BODY, forged, secret, seen)
