"""The public keys that signed tokens are checked with, fetched from a key server that may be slow, away or lying.

One request at a time, in a thread of its own: no caller waits longer than `WAIT_SECONDS`, and only a few wait at all.
Keys that were fetched once go on being used while the server is away, for `STALE_SECONDS`.
"""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any

import httpx
import structlog
from jwt import PyJWK, PyJWKSet
from jwt.exceptions import PyJWTError

from services.circuit_breaker import CircuitBreaker
from services.errors import Unauthorized, Unavailable

log = structlog.get_logger()

FRESH_SECONDS = 300.0
STALE_SECONDS = 3600.0
# Anybody can invent the names of keys: for an unknown one the server is asked this often, and no more.
COOLDOWN_SECONDS = 30.0
WAIT_SECONDS = 2.0
WAITING_AT_MOST = 8
ANSWER_BYTES_AT_MOST = 256 * 1024
RETRY_AFTER_SECONDS = 5


class KeyServerError(Exception):
    """Raised when the key server's answer is not a set of keys."""


class SigningKeys:
    """The keys of one server (`AUTH_JWKS_URL`), by their names (`kid`)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._breaker = CircuitBreaker("key server", failures=2, reset_seconds=RETRY_AFTER_SECONDS)
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING_AT_MOST)
        self._keys: Mapping[str, PyJWK] = {}
        self._fetched_at = -STALE_SECONDS
        self._fetching: Future[None] | None = None

    def find(self, kid: str) -> Any:
        """The key of that name; raises `Unauthorized` if there is none, `Unavailable` if that cannot be told now."""
        age = time.monotonic() - self._fetched_at
        key = self._keys.get(kid) if age < STALE_SECONDS else None
        if key is not None:
            if age > FRESH_SECONDS:
                self._begin_fetching()
            return key.key
        if age > COOLDOWN_SECONDS:
            self._wait_for(self._begin_fetching())
            key = self._keys.get(kid)
        if key is None:
            raise Unauthorized("The token is not valid, or not valid any more.")
        return key.key

    def _begin_fetching(self) -> "Future[None]":
        with self._lock:
            if self._fetching is None or self._fetching.done():
                self._fetching = Future()
                threading.Thread(target=self._fetch, args=(self._fetching,), name="signing-keys", daemon=True).start()
            return self._fetching

    def _wait_for(self, fetching: "Future[None]") -> None:
        away = Unavailable("Signed tokens cannot be checked at the moment.", retry_after_seconds=RETRY_AFTER_SECONDS)
        if not self._places.acquire(blocking=False):
            raise away
        try:
            fetching.result(WAIT_SECONDS)
        except FutureTimeoutError:
            raise away from None
        except Exception as error:
            raise away from error
        finally:
            self._places.release()

    def _fetch(self, fetching: "Future[None]") -> None:
        try:
            keys = self._breaker.call(lambda: asyncio.run(_fetched(self._url)))
        except Exception as error:  # noqa: BLE001 (whatever it is, those who wait have to hear of it)
            fetching.set_exception(error)
        else:
            self._keys, self._fetched_at = keys, time.monotonic()
            fetching.set_result(None)


async def _fetched(url: str) -> Mapping[str, PyJWK]:
    """Ends after `WAIT_SECONDS` however the server behaves: a time-out of each read alone lets it trickle for ever."""
    async with (
        asyncio.timeout(WAIT_SECONDS),
        httpx.AsyncClient(timeout=WAIT_SECONDS) as client,
        client.stream("GET", url, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise KeyServerError(f"status {answer.status_code}")
        content = bytearray()
        async for chunk in answer.aiter_bytes():
            content += chunk
            if len(content) > ANSWER_BYTES_AT_MOST:
                raise KeyServerError("the answer is too long")
    return _keys_in(bytes(content))


def _keys_in(content: bytes) -> Mapping[str, PyJWK]:
    try:
        keys = PyJWKSet.from_json(content.decode()).keys
    except (PyJWTError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise KeyServerError("the answer is not a set of keys") from error
    # Secrets shared with a key server's readers are none, and what encrypts does not sign.
    return {
        key.key_id: key for key in keys if key.key_id and key.key_type != "oct" and key.public_key_use in ("sig", None)
    }
