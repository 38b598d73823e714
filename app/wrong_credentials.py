"""Addresses that sent too many wrong credentials: until their time is over only credentials seen before are looked at.

So nobody guesses at speed, and one guesser behind a shared address does not lock out the people who were there before.
"""

import threading
import time
from collections import OrderedDict
from hashlib import sha256
from typing import TypeVar

from flask import g, request

from app.addresses import address_of_client
from app.auth import COOKIE
from app.interview_token import token_in_body
from services.errors import TooManyRequests

REMEMBERED_AT_MOST = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


class WrongCredentials:
    """What this process knows of them; the counting itself is `app/rate_limits.py`'s."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocked_until: OrderedDict[str, float] = OrderedDict()
        self._good: OrderedDict[bytes, None] = OrderedDict()

    def refuse(self) -> None:
        """Raise `TooManyRequests` before a credential is looked up that comes from a blocked address."""
        if not self._blocked_until:
            return
        with self._lock:
            seconds = self._blocked_until.get(address_of_client(), 0.0) - time.monotonic()
            is_known = _credential() in self._good
        if seconds > 0 and not is_known:
            g.rate_limited = "refused"
            raise TooManyRequests(
                "Too many wrong credentials came from this address.",
                code="rate_limited",
                retry_after_seconds=int(seconds) + 1,
            )

    def block(self, seconds: float) -> None:
        with self._lock:
            _put(self._blocked_until, address_of_client(), time.monotonic() + seconds)

    def remember_good(self) -> None:
        """Called once the caller is known."""
        if "grant" in g:
            with self._lock:
                _put(self._good, _credential(), None)


def _put(known: OrderedDict[Key, Value], key: Key, value: Value) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > REMEMBERED_AT_MOST:
        known.popitem(last=False)


def _credential() -> bytes:
    in_path = (request.view_args or {}).get("token", "")
    in_query = tuple(request.args.get(name) for name in ("token", "signature", "ticket"))
    in_body = token_in_body() if request.blueprint == "upload_url" else None
    shown = (request.headers.get("Authorization"), request.cookies.get(COOKIE), *in_query, in_path, in_body)
    return sha256(repr(shown).encode("utf-8", "surrogatepass")).digest()
