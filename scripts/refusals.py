"""What the server says to what is no HTTP: a problem like the application's own, and nothing of it in the log.

Such a request can hold a token in its address as well as any other: a client's stray blank is enough.
"""

import json
from http import HTTPStatus
from secrets import token_hex
from typing import Any

from gunicorn import util
from gunicorn.http import errors

# The first kind that fits counts.
_STATUS_OF: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (errors.InvalidResponseHeader, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.InvalidResponseHeaderName, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.ConfigurationProblem, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.LimitRequestLine, HTTPStatus.REQUEST_URI_TOO_LONG),
    (errors.LimitRequestHeaders, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (errors.ExpectationFailed, HTTPStatus.EXPECTATION_FAILED),
    (errors.UnsupportedTransferCoding, HTTPStatus.NOT_IMPLEMENTED),
    (errors.ParseException, HTTPStatus.BAD_REQUEST),
)
_HEADERS = {
    "Connection": "close",
    "Content-Type": "application/problem+json",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def refuse(client: Any, error: BaseException, log: Any) -> None:
    """Answer on the connection, which is closed then, and log the kind of error alone."""
    status = next((status for kind, status in _STATUS_OF if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    request_id, kind = token_hex(8), type(error).__name__
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("A request failed outside of the application: %s (request_id=%s)", kind, request_id, exc_info=error)
    else:
        log.info("What was sent is no request: %s (request_id=%s)", kind, request_id)
    try:
        util.write_nonblock(client, _reply(status, request_id))
    except OSError:
        log.debug("Who sent it has left.")


def _reply(status: HTTPStatus, request_id: str) -> bytes:
    code = "bad_request" if status is HTTPStatus.BAD_REQUEST else status.name.lower()
    is_ours = status is HTTPStatus.INTERNAL_SERVER_ERROR
    problem = {
        "type": f"urn:parley:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": "Something went wrong on our side." if is_ours else "This is not a request as HTTP/1.1 wants it.",
        "code": code,
        "request_id": request_id,
        "retryable": False,
    }
    body = json.dumps(problem).encode()
    headers = {**_HEADERS, "X-Request-ID": request_id, "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {int(status)} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body
