"""The secrets that webhooks are signed with, and the signature itself (Standard Webhooks 1.0.0, symmetric, `v1`).

A secret is shown when it is made and never again. At rest it is encrypted with AES-256-GCM, bound to its endpoint, with
a key made of `WEBHOOK_SECRETS_KEY`; without that setting of a key in the database, which keeps secrets out of logs and
lists but not from whoever reads the whole database.
"""

import base64
import hmac
import os
from collections.abc import Callable, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREFIX = "whsec_"
# The specification asks for 24 to 64 bytes.
SECRET_BYTES = 32
NONCE_BYTES = 12
_PURPOSE = b"parley webhook secret 1"


def new_secret() -> str:
    return PREFIX + base64.b64encode(os.urandom(SECRET_BYTES)).decode()


def signature(secrets: Sequence[str], *, message_id: str, timestamp: int, body: bytes) -> str:
    """The header `webhook-signature`: one signature for each secret, the newest first, with spaces between them."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(_hmac(secret, signed)).decode()}" for secret in secrets)


class SecretBox:
    """Seals secrets, and opens them."""

    def __init__(self, setting: str | None, stored_key: Callable[[], bytes]) -> None:
        """`stored_key` gives the key in the database: in use without the setting, and for what was sealed before it."""
        self._setting = None if setting is None else setting.encode()
        self._stored_key = stored_key

    def seal(self, webhook_id: str, secret: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + _cipher(self._setting or self._stored_key()).encrypt(nonce, secret.encode(), webhook_id.encode())

    def open(self, webhook_id: str, sealed: bytes) -> str | None:
        """The secret; None where the key that it was sealed with is not the one there is."""
        keys: list[Callable[[], bytes]] = [self._stored_key]
        if (setting := self._setting) is not None:
            keys.insert(0, lambda: setting)
        for key in keys:
            try:
                plain = _cipher(key()).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], webhook_id.encode())
            except (InvalidTag, ValueError):
                continue
            return plain.decode()
        return None


def _hmac(secret: str, signed: bytes) -> bytes:
    return hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed, "sha256")


def _cipher(key: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), length=32, salt=None, info=_PURPOSE).derive(key))
