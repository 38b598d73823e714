"""Uploads are refused before their body is read where there is no room for them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from flask import request

from app.auth import services, session
from app.idempotency import sent_key
from app.limits import refuse_declared_oversize
from services.errors import ConsentRequired, TooManyRequests, Unavailable
from services.features import require_audio
from services.idempotency import Key

View = TypeVar("View", bound=Callable[..., Any])


def admitted(view: View) -> View:
    """Ask whether a recording may come in to the session of the path. A repeat of one that has is never refused."""

    @wraps(view)
    def asked(*args: Any, **kwargs: Any) -> Any:
        require_audio(session())
        refuse_declared_oversize()
        key = sent_key()
        try:
            services().consents.require(session())
            # A body of unknown length counts when it has come in.
            services().admission.check(session().owner_id, request.content_length or 0)
        except (ConsentRequired, TooManyRequests, Unavailable):
            if key is None or not _has_come_before(key):
                raise
        return view(*args, **kwargs)

    return asked  # type: ignore[return-value]


def _has_come_before(key: Key) -> bool:
    question_id = (request.view_args or {}).get("question_id", "")
    return services().idempotency.is_known(key) or services().answers.is_accepted(session().id, question_id, key.value)
