"""Live connections: each takes a place, lives for some minutes, and ends with the right that opened it."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import structlog
from flask import Flask, Response, current_app, g, request, stream_with_context
from werkzeug.exceptions import BadRequest

from app.auth import check_again, grant, is_own_origin, services, session
from app.metrics import metrics_of_app
from app.places import Places
from app.sockets import guard, is_handshake
from services.errors import Forbidden, NotFound, ParleyError, Unavailable
from services.subscription import Event

log = structlog.get_logger()

LIFETIME_SECONDS = 15 * 60
HEARTBEAT_SECONDS = 15
# How soon a browser comes back to a stream that has ended.
RETRY_MS = 2000
# How long a link that was revoked or has run out goes on being served.
ACCESS_CHECK_SECONDS = 60


def install(app: Flask, *, max_sockets: int, max_sockets_per_session: int) -> None:
    """Set how many live connections there may be at once (each holds a thread)."""
    app.extensions["parley_sockets"] = Places(max_sockets, max_sockets_per_session)


def admit() -> None:
    """Before the upgrade: no page of another site, and no more sockets than there are threads for."""
    origin = request.headers.get("Origin")
    if origin is not None and not is_own_origin(origin):
        raise Forbidden("This request comes from another site.", code="foreign_origin")
    if request.environ.get("HTTP_UPGRADE") and not is_handshake(request.headers):
        raise BadRequest("This is not a WebSocket handshake (RFC 6455).")
    session_id = session().id
    if not _places().take(session_id):
        raise Unavailable("Too many live connections. Please poll the status instead.", code="too_many_sockets")
    metrics_of_app().sockets.inc()
    g.leave = _leaving(session_id)
    guard(request.environ)


def leave(_: BaseException | None) -> None:
    """Runs when the socket has ended, however it did; for a stream this is too early, and it takes `leave` along."""
    if "leave" in g:
        g.pop("leave")()


def has_left(_: ConnectionError) -> Response:
    """The client left during the handshake: no defect, and nobody reads this."""
    return Response(status=400)


def events(session_id: str, idle_seconds: float) -> Iterator[Event | None]:
    """Until the connection's time is over; raises `Unauthorized` or `NotFound` when the right to it has ended."""
    # Spread out, so that clients which came together do not come back together.
    ends_at = time.monotonic() + LIFETIME_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311
    checked_at = time.monotonic()
    subscription = services().live.subscribe(session_id, grant().token_hash)
    try:
        # It may have been revoked after it was looked at, and before a revocation would have been heard of here.
        check_again()
        for event in subscription.events(idle_seconds):
            if subscription.take_doubt():
                # Nothing more is said until it is clear; with the database away the client has to come back.
                check_again()
                checked_at = time.monotonic()
            elif time.monotonic() - checked_at > ACCESS_CHECK_SECONDS:
                _check_if_possible()
                checked_at = time.monotonic()
            yield event
            if time.monotonic() > ends_at:
                return
        if subscription.is_gone:
            raise NotFound("There is no such session.")
    finally:
        services().live.unsubscribe(session_id, subscription)


def event_stream(session_id: str, told_of: Callable[[Event], Iterator[tuple[str, str]]]) -> Response:
    """Server-sent events: `told_of` gives the id and the text of each message that an event is told by."""

    def lines() -> Iterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        try:
            for event in events(session_id, HEARTBEAT_SECONDS):
                if event is None:
                    yield ": still here\n\n"
                    continue
                for event_id, text in told_of(event):
                    yield f"id: {event_id}\ndata: {text}\n\n"
        except ParleyError as error:
            # Whoever comes back is told by a status.
            log.info("A live connection was ended.", code=error.code)

    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    response = Response(stream_with_context(lines()), content_type="text/event-stream", headers=headers)
    response.call_on_close(g.pop("leave"))
    return response


def _check_if_possible() -> None:
    # The database is away: that alone is no reason to send everybody off.
    with suppress(Unavailable):
        check_again()


def _leaving(session_id: str) -> Callable[[], None]:
    places, gauge = _places(), metrics_of_app().sockets

    def leave() -> None:
        places.give_back(session_id)
        gauge.dec()

    return leave


def _places() -> Places:
    found: Places = current_app.extensions["parley_sockets"]
    return found
