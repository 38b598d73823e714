"""Waits until the service answers and its model is loaded, saying what it waits for."""

import time
from collections.abc import Callable
from typing import Any

from scripts.web_server import WebServer

POLL_SECONDS = 0.1
# Silence for longer than this looks like a hang.
SAY_SECONDS = 5.0


class StartFailed(Exception):
    """Raised when the service will not become ready; the message says why and what to do."""


def wait_until_ready(web: WebServer, say: Callable[[str], None], *, needs_worker: bool) -> dict[str, Any]:
    """Return the body of `/readyz` once it is 200 (without `needs_worker`: once all but the worker is well)."""
    began = said_at = time.monotonic()
    said = ""
    while True:
        if (code := web.exit_code) is not None:
            raise StartFailed(
                f"the web server ended while starting (exit code {code}); its reason is in the lines above"
            )
        answer = web.readiness()
        body = answer[1] if answer else {}
        if answer and (answer[0] == 200 or (not needs_worker and _is_web_well(body))):
            return body
        if needs_worker and (reason := _failure(body)):
            raise StartFailed(reason)
        now, waits_for = time.monotonic(), _waits_for(body)
        if waits_for != said or now - said_at >= SAY_SECONDS:
            say(f"  {waits_for} ({now - began:.0f} s)")
            said, said_at = waits_for, now
        time.sleep(POLL_SECONDS)


def _checks(body: dict[str, Any]) -> dict[str, Any]:
    checks = body.get("checks")
    return checks if isinstance(checks, dict) else {}


def _worker(body: dict[str, Any]) -> dict[str, Any]:
    worker = _checks(body).get("worker")
    return worker if isinstance(worker, dict) else {}


def _is_web_well(body: dict[str, Any]) -> bool:
    return _checks(body).get("mongodb") == "ok"


def _failure(body: dict[str, Any]) -> str | None:
    worker = _worker(body)
    if worker.get("state") != "failed":
        return None
    return (
        f"the speech model cannot be used: {worker.get('detail') or 'no reason given'}\n"
        "Set WHISPER_MODEL to another model (a hub id or a directory), or to `demo` for the small one that is bundled."
    )


def _waits_for(body: dict[str, Any]) -> str:
    if not body:
        return "starting the web server"
    if _checks(body).get("mongodb") not in ("ok", None):
        return f"waiting for MongoDB: {_checks(body)['mongodb']}"
    return f"loading the speech model: {_worker(body).get('detail') or body.get('whisper_model') or 'please wait'}"
