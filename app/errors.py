"""Errors as RFC 9457 `application/problem+json`: ours by kind, Flask's and webargs' by status. Never a traceback."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, request
from flask_smorest import Api
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed

from app import request_id
from app.schemas.problem import ProblemSchema
from services.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ParleyError,
    PreconditionFailed,
    PreconditionRequired,
    RecordingTooLarge,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedRecording,
)

log = structlog.get_logger()

CONTENT_TYPE = "application/problem+json"
# The first kind that fits counts: narrow ones stand before wide ones.
_STATUS_OF: tuple[tuple[type[ParleyError], HTTPStatus], ...] = (
    (Unauthorized, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (UnsupportedRecording, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (RecordingTooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (InvalidRequest, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Conflict, HTTPStatus.CONFLICT),
    (PreconditionFailed, HTTPStatus.PRECONDITION_FAILED),
    (PreconditionRequired, HTTPStatus.PRECONDITION_REQUIRED),
    (TooManyRequests, HTTPStatus.TOO_MANY_REQUESTS),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_CODE_OF = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large", 422: "invalid"}
_RETRYABLE = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class ParleyFlask(Flask):
    """Flask, but its own words about a defect name the route's template: a real path can hold a token."""

    def log_exception(self, exc_info: Any) -> None:
        route = request.url_rule.rule if request.url_rule else None
        log.error("A request failed.", method=request.method, route=route, exc_info=exc_info)


class ProblemApi(Api):
    """flask-smorest, with its errors as problems."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        # As flask-smorest does it, but with the content type that problems have.
        replies = {status.name: (status.phrase, int(status) >= 400) for status in HTTPStatus}
        for name, (description, is_problem) in {**replies, "DEFAULT_ERROR": ("A problem", True)}.items():
            content = {"content": {CONTENT_TYPE: {"schema": self.ERROR_SCHEMA}}} if is_problem else {}
            self.spec.components.response(name, {"description": description, **content}, lazy=True)

    def handle_http_exception(self, error: HTTPException) -> Response:
        if isinstance(error, ClientDisconnected):
            # Who has left does not read this; who was too slow does.
            return _problem(HTTPStatus.REQUEST_TIMEOUT, "request_timeout", "The body stopped coming. Send it again.")
        status = HTTPStatus(error.code or 500)
        data: Mapping[str, Any] = getattr(error, "data", None) or {}
        detail = data.get("message") or (_detail_of(error) if status < 500 else "Something went wrong on our side.")
        code = data.get("code") or _CODE_OF.get(status, status.name.lower())
        problem = _problem(status, code, detail, errors=data.get("messages") or data.get("errors"))
        if isinstance(error, MethodNotAllowed) and error.valid_methods:
            problem.headers["Allow"] = ", ".join(sorted(error.valid_methods))
        return problem


def install(app: Flask) -> None:
    """Answer our own errors as problems; `ProblemApi` does the same for HTTP errors."""

    @app.errorhandler(ParleyError)
    def handle(error: ParleyError) -> Response:
        status = next((status for kind, status in _STATUS_OF if isinstance(error, kind)), HTTPStatus.BAD_REQUEST)
        problem = _problem(status, error.code, error.message, members=getattr(error, "members", None))
        retry_after_seconds = getattr(error, "retry_after_seconds", None)
        if retry_after_seconds is not None:
            problem.headers["Retry-After"] = str(retry_after_seconds)
        if isinstance(error, Unauthorized):
            problem.headers["WWW-Authenticate"] = "Bearer"
        return problem

    @app.errorhandler(ParseException)
    def handle_framing(_: ParseException) -> Response:
        # gunicorn raises it where the body is read; it closes the connection then, as nobody knows what comes next.
        return _problem(HTTPStatus.BAD_REQUEST, "bad_request", "The body is not framed as HTTP/1.1 wants it.")


def _problem(
    status: HTTPStatus, code: str, detail: str, errors: Any = None, members: Mapping[str, Any] | None = None
) -> Response:
    body = {
        "type": f"urn:parley:problem:{code}",
        "title": status.phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "request_id": request_id.current(),
        "retryable": status in _RETRYABLE,
        **(members or {}),
    }
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body), status, content_type=CONTENT_TYPE)


def _detail_of(error: HTTPException) -> str:
    return error.description or HTTPStatus(error.code or 500).phrase
