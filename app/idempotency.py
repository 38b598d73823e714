"""`Idempotency-Key` on POSTs that create something: honoured, never demanded.

Views are decorated with `idempotent` outside of everything that reads the body: a repeat is answered with what the
first request was answered, and runs nothing. Or with `idempotent_by_itself`, and the reply is made again.
"""

import json
import re
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

from flask import Response, g, make_response, request
from flask_smorest import Blueprint

from app.auth import COOKIE, caller, services
from services.errors import ParleyError
from services.idempotency import Key, Reply, ReplyUnreadable
from services.storage.idempotency import Attempt

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
REPLAYED_HEADERS = ("Content-Type", "Location", "Retry-After")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_DOCUMENTED = {
    "in": "header",
    "name": HEADER,
    "description": "A repeat with the same key and content is answered as the first request was, for 48 hours.",
    "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
}

View = TypeVar("View", bound=Callable[..., Any])


class MalformedKey(ParleyError):
    """Raised when the header holds something that cannot be a key."""

    code = "malformed_idempotency_key"


def idempotent(view: View | None = None, *, repeats_safely: bool = False) -> Any:
    """Have one effect for one key.

    `repeats_safely` says that the view itself, run again with the same key and content, has no second effect and gives
    the same reply, so that one which was lost or cannot be read is no harm.
    """
    if view is None:
        return partial(idempotent, repeats_safely=repeats_safely)

    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Any:
        key = sent_key()
        if key is None:
            return view(*args, **kwargs)
        try:
            attempt = services().idempotency.begin(key, _content())
        except ReplyUnreadable:
            if not repeats_safely:
                raise
            return view(*args, **kwargs)
        if isinstance(attempt, Reply):
            return _replayed(attempt)
        return _attempted(key, attempt, lambda: view(*args, **kwargs), awaits_majority=not repeats_safely)

    once.is_idempotent = True  # type: ignore[attr-defined]
    return Blueprint.doc(parameters=[_DOCUMENTED])(once)


def idempotent_by_itself(view: View) -> View:
    """For a view that makes what it stores from the key, so that a repeat finds it: no record of the reply is kept."""
    view.is_idempotent = True  # type: ignore[attr-defined]
    return Blueprint.doc(parameters=[_DOCUMENTED])(view)  # type: ignore[no-any-return]


def sent_key() -> Key | None:
    """The key of this request; raises `MalformedKey`."""
    value = request.headers.get(HEADER)
    if value is None:
        return None
    # The IETF's draft has it as a quoted string; most clients send it bare.
    if len(value) >= 2 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if not _KEY.fullmatch(value):
        raise MalformedKey("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    in_path = dict(request.view_args or {})
    # Where a path has a token it is the credential: it belongs into no log.
    token = in_path.pop("token", None)
    purpose = json.dumps([request.endpoint, sorted(in_path.items())])
    credential = token or request.headers.get("Authorization") or request.cookies.get(COOKIE, "")
    session_id = caller().session_id if token else in_path.get("session_id")
    return Key(caller(), session_id, purpose, value, credential)


def sent_key_value() -> str | None:
    """What a view may make ids from."""
    key = sent_key()
    return key.value if key else None


def _attempted(key: Key, attempt: Attempt, work: Callable[[], Any], *, awaits_majority: bool) -> Response:
    """Only a success is kept. Whatever else happens, the key is free for another attempt."""
    try:
        response = make_response(work())
    except BaseException:
        services().idempotency.give_up(attempt)
        raise
    if response.status_code >= 300:
        services().idempotency.give_up(attempt)
        return response
    headers = {name: response.headers[name] for name in REPLAYED_HEADERS if name in response.headers}
    created = g.get("created_session_id")
    reply = Reply(response.status_code, headers, response.get_data(as_text=True), created)
    services().idempotency.finish(key, attempt, reply, awaits_majority=awaits_majority)
    return response


def _replayed(reply: Reply) -> Response:
    response = Response(reply.body, reply.status, dict(reply.headers))
    response.headers[REPLAYED] = "true"
    return response


def _content() -> bytes:
    """What was sent, in one form for all ways to write it: JSON by its values."""
    body = request.get_data(cache=True)
    try:
        return json.dumps(json.loads(body), sort_keys=True).encode()
    except (ValueError, RecursionError):
        return body  # which the view will refuse
