"""One effect for one key, however often a request comes, and the first reply for every repeat.

After the IETF's draft on the Idempotency-Key header field (draft-ietf-httpapi-idempotency-key-header). A reply may
hold a secret, such as the token of an interview's link, so it is encrypted with a key made of the caller's credential
and the idempotency key, neither of which is stored: only who may repeat the request can read what it was answered.
"""

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.errors import Conflict, InvalidRequest, Unavailable
from services.models import Caller
from services.storage.idempotency import Attempt, IdempotencyStore

log = structlog.get_logger()

WAIT_SECONDS = 2.0
POLL_SECONDS = 0.05
NONCE_BYTES = 12


class InFlight(Conflict):
    """Raised when the first request with a key is still being worked on."""

    code = "idempotency_in_flight"
    retry_after_seconds = 1
    members: ClassVar[Mapping[str, Any]] = {"retryable": True}


class ReplyUnreadable(Conflict):
    """Raised when the first reply was for another credential: it was done, and cannot be shown again."""

    code = "idempotency_reply_unreadable"


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it was sent, by whom, with which credential, and for what (the route and the ids in its path).

    `session_id` is the session that the path names.
    """

    caller: Caller
    session_id: str | None
    purpose: str
    value: str = field(repr=False)
    credential: str = field(repr=False)

    @property
    def id(self) -> str:
        """What it is stored under."""
        scope = [self.caller.user_id, self.caller.session_id, self.purpose, self.value]
        return hashlib.sha256(json.dumps(scope).encode()).hexdigest()

    def fingerprint_of(self, content: bytes) -> str:
        """Tells contents apart, and nothing else: a short text could be guessed from a plain hash."""
        return hmac.digest(self.value.encode(), content, "sha256").hex()


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it was given."""

    status: int
    headers: Mapping[str, str]
    body: str = field(repr=False)
    created_session_id: str | None = None


class Idempotency:
    """Begins attempts and ends them."""

    def __init__(self, store: IdempotencyStore) -> None:
        self._store = store

    def is_known(self, key: Key) -> bool:
        """Whether a request came with this key before."""
        return self._store.exists(key.id)

    def begin(self, key: Key, content: bytes) -> Attempt | Reply:
        """The right to do the work, or the reply of when it was done.

        Waits for one that is being worked on. Raises `InFlight` after that, `InvalidRequest` when the key came with
        other content before, and `ReplyUnreadable`.
        """
        fingerprint, deadline = key.fingerprint_of(content), time.monotonic() + WAIT_SECONDS
        while True:
            attempt = self._store.begin(key.id, fingerprint, user_id=key.caller.user_id, session_id=key.session_id)
            if attempt.is_ours:
                return attempt
            if attempt.fingerprint != fingerprint:
                raise InvalidRequest("This key came with another request before.", code="idempotency_key_reused")
            if attempt.reply is not None:
                return _opened(key, attempt.reply)
            if time.monotonic() > deadline:
                raise InFlight("The first request with this key is still being worked on.")
            time.sleep(POLL_SECONDS)

    def finish(self, key: Key, attempt: Attempt, reply: Reply, *, awaits_majority: bool) -> None:
        """Keep the reply. Best effort: the work is done, and its client gets the reply in any case."""
        sealed, created = _sealed(key, reply), reply.created_session_id
        try:
            self._store.finish(attempt, sealed, created_session_id=created, awaits_majority=awaits_majority)
        except Unavailable:
            log.warning("A reply could not be kept for repeats.", purpose=key.purpose)

    def give_up(self, attempt: Attempt) -> None:
        """Let the next request with the key be a first one. Best effort: the attempt's lease ends by itself."""
        try:
            self._store.give_up(attempt)
        except Unavailable:
            log.warning("A key could not be freed; it frees itself soon.")


def _sealed(key: Key, reply: Reply) -> bytes:
    plain = json.dumps([reply.status, dict(reply.headers), reply.body]).encode()
    nonce = os.urandom(NONCE_BYTES)
    return nonce + _cipher(key).encrypt(nonce, plain, key.id.encode())


def _opened(key: Key, sealed: bytes) -> Reply:
    try:
        plain = _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key.id.encode())
    except InvalidTag:
        message = "This was done already, and its reply is readable only with the credential that was used then."
        raise ReplyUnreadable(message) from None
    return Reply(*json.loads(plain))


def _cipher(key: Key) -> AESGCM:
    """RFC 5869; the credential and the idempotency key are the secret, and the scope is what the result is for."""
    secret = json.dumps([key.credential, key.value]).encode()
    derive = HKDF(SHA256(), length=32, salt=None, info=b"parley idempotency reply " + key.id.encode())
    return AESGCM(derive.derive(secret))
