"""Live updates: a snapshot, then each change. WebSocket for the screen, the same events as SSE for everybody else."""

import threading
from collections.abc import Iterator
from typing import Any

import structlog
from flask import Blueprint, Flask, Response
from flask_sock import Sock
from simple_websocket import Server
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import ProtocolError

from app.connections import admit, event_stream, events, has_left, leave
from app.live_events import as_json
from services.errors import NotFound, ParleyError, Unauthorized
from services.subscription import Event

log = structlog.get_logger()

blueprint = Blueprint("live", __name__)
blueprint.before_request(admit)
blueprint.teardown_request(leave)
blueprint.register_error_handler(ConnectionError, has_left)
sock = Sock()

# How soon a thread notices that its client is gone; changes wake it at once.
IDLE_SECONDS = 1.0
# Close codes: what opened the connection is not valid any more, or the session is there no more. Otherwise 1013 asks
# to come back later, and 1000 (the connection's time is over) at once.
ACCESS_ENDED = 4401
SESSION_ENDED = 4404
# A client has nothing to say; one that keeps talking is closed before it fills the memory.
UNREAD_MESSAGES = 20


def install(app: Flask) -> None:
    """Set how sockets behave."""
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": 25,
        "max_message_size": 4096,
        "thread_class": _ReceiverThread,
    }


class _ReceiverThread(threading.Thread):
    """simple-websocket's receiver, as a daemon: it must not keep an ending process alive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(daemon=True, **options)


@sock.route("/ws/sessions/<session_id>", bp=blueprint)
def follow_session(ws: Server, session_id: str) -> None:
    """Send a snapshot, then every change, until the client leaves or the connection's time is over."""
    try:
        for event in events(session_id, IDLE_SECONDS):
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

    def told_of(event: Event) -> Iterator[tuple[str, str]]:
        yield str(event.seq), as_json(session_id, event)

    return event_stream(session_id, told_of)


def _close_code_of(error: ParleyError) -> int:
    codes: dict[type[ParleyError], int] = {Unauthorized: ACCESS_ENDED, NotFound: SESSION_ENDED}
    return codes.get(type(error), CloseReason.TRY_AGAIN_LATER)


def _is_listening(ws: Server) -> bool:
    """Whether the client is there and quiet; what it says is read and dropped."""
    for _ in range(UNREAD_MESSAGES):
        if ws.receive(timeout=0) is None:
            return bool(ws.connected)
    return False
