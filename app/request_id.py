"""Every request has an id: the caller's `X-Request-ID` where it is sane, else a new one; logs and problems carry it."""

import re
import time
from secrets import token_hex

import structlog
from flask import Flask, Response, g, request

log = structlog.get_logger()

HEADER = "X-Request-ID"
_SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"health.healthz", "health.readyz", "metrics.metrics", "static"})


def install(app: Flask) -> None:
    """Give each request its id, and log it by route template: real paths and queries can hold tokens."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _SANE.fullmatch(given) else token_hex(8)
        g.started = time.monotonic()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = current()
        if request.endpoint not in _QUIET and "started" in g:
            log.info(
                "A request was answered.",
                method=request.method,
                route=request.url_rule.rule if request.url_rule else None,
                status=response.status_code,
                seconds=round(time.monotonic() - g.started, 4),
            )
        return response


def current() -> str:
    """The id of the request being served."""
    request_id: str = g.get("request_id", "")
    return request_id
