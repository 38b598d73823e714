"""How often one caller may ask: counted once the caller is known and before the body is read, shared through Redis.

The windows are fixed and begin with a caller's first request: one counter a caller and one round trip, and after
`Retry-After` the next request is certain to be taken. A sliding window would promise that only roughly, or remember
every request.
"""

import time
from collections.abc import Callable

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded

from app.addresses import address_of_client
from app.auth import caller
from app.rate_limit_storage import storage_options
from app.wrong_credentials import WrongCredentials
from config import Settings
from services.errors import TooManyRequests

UPLOADS = frozenset({"interview.upload_answer", "jobs.transcribe", "signed_uploads.receive", "speech_to_text.hear"})
COSTLY = frozenset(
    {
        "sessions.start_session",
        "interview.analyze",
        "feedback.complete",
        "export.export_session",
        "erasure.erase_session",
        "erasure.erase_person",
        "tickets.issue_ticket",
        # Two texts of 50,000 characters take 0.2 s to compare, also for whoever has a link.
        "versions.diff_revisions",
        "webhooks.create_webhook",
        "webhooks.change_webhook",
        "webhooks.send_test",
        "webhooks.replay_delivery",
        "webhooks.replay_failed",
    }
)
# Probes must not be refused, and files that never change cost nothing.
EXEMPT_BLUEPRINTS = frozenset({"health", "version", "metrics", "docs", "api-docs"})

Count = Callable[[], None]


class RateLimits:
    """Counts requests by caller, and by address those of nobody."""

    def __init__(self, app: Flask, settings: Settings) -> None:
        self._limiter = Limiter(
            _who,
            # Until the caller is known there is nothing to count: Flask-Limiter's own hook runs before that.
            request_identifier=lambda: g.get("rate_limited", ""),
            strategy="fixed-window",
            # Its headers would cost two more questions to Redis each time, and put a Retry-After on every reply.
            headers_enabled=False,
            # Of requests that find Redis away at the same moment, Flask-Limiter lets one change to memory and raises in
            # the others: they go uncounted, and are served.
            swallow_errors=True,
            **storage_options(settings.redis_url),
        )
        self._limiter.init_app(app)
        limit = self._limiter.shared_limit
        everything = limit(settings.rate_limit, scope="all")

        @everything
        def count_request() -> None: ...

        @limit(settings.rate_limit_uploads, scope="uploads")
        @everything
        def count_upload() -> None: ...

        # These by nothing else: a counter more is a question to Redis more.
        @limit(settings.rate_limit_costly, scope="costly")
        def count_costly() -> None: ...

        self._count = count_request
        self._counts: dict[str, Count] = {
            **dict.fromkeys(UPLOADS, count_upload),
            **dict.fromkeys(COSTLY, count_costly),
        }

    def count(self) -> None:
        """Count this request; raises `TooManyRequests`."""
        g.rate_limited = "all"
        try:
            self._counts.get(request.endpoint or "", self._count)()
        except RateLimitExceeded:
            raise self._refusal() from None

    def _refusal(self) -> TooManyRequests:
        limit = self._limiter.current_limit
        if limit is None:
            return TooManyRequests("Too many requests.", code="rate_limited")
        try:
            seconds = max(1, limit.reset_at - int(time.time()))
        except Exception:  # noqa: BLE001 (Redis went away in between; whichever client it was, the window is the bound)
            seconds = limit.limit.get_expiry()
        g.rate_limit_headers = {
            "RateLimit-Limit": str(limit.limit.amount),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(seconds),
        }
        return TooManyRequests(
            f"Too many requests. Send again in {seconds} s.", code="rate_limited", retry_after_seconds=seconds
        )


def install(app: Flask, settings: Settings) -> RateLimits:
    """Refuse addresses that guess, and count what was refused before its caller's right was clear."""
    limits, wrong = RateLimits(app, settings), WrongCredentials()

    def check() -> None:
        limits.count()
        wrong.remember_good()

    app.extensions["parley_rate_limit_check"] = check

    @app.before_request
    def refuse_guesses() -> None:
        if is_counted():
            wrong.refuse()

    @app.after_request
    def count_refused(response: Response) -> Response:
        if response.status_code in (401, 403, 404) and is_counted() and "rate_limited" not in g:
            try:
                limits.count()
            except TooManyRequests as error:
                if response.status_code == 401:
                    wrong.block(error.retry_after_seconds)
                response = app.make_response(app.handle_user_exception(error))
        response.headers.update(g.pop("rate_limit_headers", {}))
        return response

    return limits


def apply(app: Flask) -> None:
    """Count every request to what is registered so far, right after its rule has named the caller."""
    for name in app.extensions["parley_auth_rules"]:
        if name not in EXEMPT_BLUEPRINTS:
            app.before_request_funcs[name].insert(1, app.extensions["parley_rate_limit_check"])


def is_counted() -> bool:
    """Whether there is such a path at all, and not an exempt one."""
    return request.blueprint is not None and request.blueprint not in EXEMPT_BLUEPRINTS


def _who() -> str:
    if "grant" not in g:
        return f"address:{address_of_client()}"
    if caller().key_id is not None:
        # What workers ask for is not taken from their owner's share.
        return f"worker:{caller().key_id}"
    return f"link:{caller().session_id}" if caller().session_id else f"user:{caller().user_id}"
