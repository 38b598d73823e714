"""The token of an interview's link where clients of mentor interviews show it: in the path, or in the body."""

import json

from flask import g, request

from app.auth import caller, caller_only, services, session, shown_token
from services.errors import Forbidden, Unauthorized
from services.models import WORKER


def mentor_token() -> None:
    """Whoever has the token of an interview's link, which stands in the path; no other credential helps.

    A change may be a worker's: then its key is looked at, too, and it is the worker who asks.
    """
    _open((request.view_args or {})["token"])
    if request.method == "PATCH" and "Authorization" in request.headers:
        worker = services().access.grant_of(shown_token())
        if worker.caller.role != WORKER:
            raise Forbidden("Besides the interview's token only a worker's key counts.")
        services().sessions.get(worker.caller, session().id)
        g.grant = worker


def interview_token_or_caller() -> None:
    """Whoever sends the token of an interview's link in a JSON body; else as `caller_only`."""
    token = token_in_body()
    if token is None:
        caller_only()
    else:
        _open(token)


def token_in_body() -> str | None:
    """None, where there is none. What is no JSON has none, too; the view refuses it once it is known who asks."""
    try:
        body = json.loads(request.get_data(cache=True))
    except (ValueError, RecursionError):
        return None
    token = body.get("token") if isinstance(body, dict) else None
    return token if isinstance(token, str) else None


def _open(token: str) -> None:
    g.grant = services().access.grant_of(token)
    session_id = caller().session_id
    if session_id is None:
        # Somebody's own token, which has no place in an address.
        raise Unauthorized("The interview's token is not valid, or not valid any more.")
    g.session = services().sessions.get(caller(), session_id)
