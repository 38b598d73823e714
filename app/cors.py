"""Pages of other origins: only those of ALLOWED_ORIGINS, letter by letter, may read replies and send the cookie."""

import re
from collections.abc import Collection

from flask import Flask, Response, request
from flask_cors import CORS

ALLOWED_HEADERS = (
    "Authorization",
    "Content-Digest",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Last-Event-ID",
    "X-Frontend-Version",
    "X-Request-ID",
)
EXPOSED_HEADERS = ("ETag", "Idempotency-Replayed", "Location", "Retry-After", "X-Request-ID")
PREFLIGHT_SECONDS = 600


def install(app: Flask, allowed_origins: Collection[str]) -> None:
    """Answer preflights before anything else looks at them, and let allowed origins read."""

    @app.before_request
    def answer_preflight() -> Response | None:
        """To every path alike: it says nothing of what is there, nor of who asks."""
        is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return Response(status=204) if is_preflight and "Origin" in request.headers else None

    @app.after_request
    def vary(response: Response) -> Response:
        # Whatever was allowed or not depends on it; Flask-Cors says so only where it allowed.
        response.vary.add("Origin")
        return response

    if allowed_origins:
        CORS(
            app,
            # Flask-Cors guesses which strings are patterns: given patterns, it has nothing to guess.
            origins=[re.compile(rf"\A{re.escape(origin)}\Z") for origin in allowed_origins],
            allow_headers=list(ALLOWED_HEADERS),
            expose_headers=list(EXPOSED_HEADERS),
            methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
            supports_credentials=True,
            max_age=PREFLIGHT_SECONDS,
            always_send=False,
            vary_header=False,
        )
