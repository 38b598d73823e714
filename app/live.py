"""Live updates: a snapshot, then each change. WebSocket for the screen, the same events as SSE for everybody else."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import structlog
from flask import Blueprint, Flask, Response, current_app, g, request, stream_with_context
from flask_sock import Sock
from simple_websocket import Server
from werkzeug.exceptions import BadRequest
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from app.auth import check_again, grant, is_own_origin, services, session
from app.live_events import as_json
from app.metrics import metrics_of_app
from app.places import Places
from app.sockets import guard, is_handshake
from services.errors import Forbidden, NotFound, ParleyError, Unauthorized, Unavailable
from services.subscription import Event

log = structlog.get_logger()

blueprint = Blueprint("live", __name__)
sock = Sock()

LIFETIME_SECONDS = 15 * 60
# How soon a thread notices that its client is gone; changes wake it at once.
IDLE_SECONDS = 1.0
HEARTBEAT_SECONDS = 15
# How long a link that was revoked or has run out goes on being served.
ACCESS_CHECK_SECONDS = 60
# Close codes: what opened the connection is not valid any more, or the session is there no more. Otherwise 1013 asks
# to come back later, and 1000 (the connection's time is over) at once.
ACCESS_ENDED = 4401
SESSION_ENDED = 4404
# A client has nothing to say; one that keeps talking is closed before it fills the memory.
UNREAD_MESSAGES = 20


def install(app: Flask, *, max_sockets: int, max_sockets_per_session: int) -> None:
    """Set how sockets behave, and how many there may be at once (each holds a thread)."""
    app.extensions["parley_sockets"] = Places(max_sockets, max_sockets_per_session)
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": 25,
        "max_message_size": 4096,
        "thread_class": _ReceiverThread,
    }


class _ReceiverThread(threading.Thread):
    """simple-websocket's receiver, as a daemon: it must not keep an ending process alive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(daemon=True, **options)


@blueprint.before_request
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


@blueprint.teardown_request
def leave(_: BaseException | None) -> None:
    """Runs when the socket has ended, however it did; for a stream this is too early, and it takes `leave` along."""
    if "leave" in g:
        g.pop("leave")()


@blueprint.errorhandler(ConnectionError)
def has_left(_: ConnectionError) -> Response:
    """The client left during the handshake: no defect, and nobody reads this."""
    return Response(status=400)


@sock.route("/ws/sessions/<session_id>", bp=blueprint)
def follow_session(ws: Server, session_id: str) -> None:
    """Send a snapshot, then every change, until the client leaves or the connection's time is over."""
    try:
        for event in _events(session_id, IDLE_SECONDS):
            if event is not None:
                ws.send(as_json(session_id, event))
            if not _is_listening(ws):
                return
    except (OSError, ProtocolError):
        # The client left between two looks at it, or does not read.
        return
    except ParleyError as error:
        log.info("A live connection was ended.", code=error.code)
        ws.close(reason=_close_code_of(error))


@blueprint.route("/api/sessions/<session_id>/events")
def stream_session(session_id: str) -> Response:
    """The same as server-sent events. Each begins with a snapshot, which is also how a reader resumes."""

    def lines() -> Iterator[str]:
        yield "retry: 2000\n\n"
        try:
            for event in _events(session_id, HEARTBEAT_SECONDS):
                said = ": still here" if event is None else f"id: {event.seq}\ndata: {as_json(session_id, event)}"
                yield f"{said}\n\n"
        except ParleyError as error:
            # Whoever comes back is told by a status.
            log.info("A live connection was ended.", code=error.code)

    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    response = Response(stream_with_context(lines()), content_type="text/event-stream", headers=headers)
    response.call_on_close(g.pop("leave"))
    return response


def _events(session_id: str, idle_seconds: float) -> Iterator[Event | None]:
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


def _check_if_possible() -> None:
    # The database is away: that alone is no reason to send everybody off.
    with suppress(Unavailable):
        check_again()


def _close_code_of(error: ParleyError) -> int:
    codes: dict[type[ParleyError], int] = {Unauthorized: ACCESS_ENDED, NotFound: SESSION_ENDED}
    return codes.get(type(error), CloseReason.TRY_AGAIN_LATER)


def _is_listening(ws: Server) -> bool:
    """Whether the client is there and quiet; what it says is read and dropped."""
    for _ in range(UNREAD_MESSAGES):
        if ws.receive(timeout=0) is None:
            return bool(ws.connected)
    return False


def _leaving(session_id: str) -> Callable[[], None]:
    places, gauge = _places(), metrics_of_app().sockets

    def leave() -> None:
        places.give_back(session_id)
        gauge.dec()

    return leave


def _places() -> Places:
    found: Places = current_app.extensions["parley_sockets"]
    return found
