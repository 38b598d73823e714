"""Ids in paths. A question id becomes a field name in MongoDB, so what it may hold is a matter of safety."""

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from app.auth import services, session
from services.errors import InvalidRequest

QUESTION_ID_PATTERN = r"[A-Za-z0-9_-]{1,64}"
_QUESTION_ID = re.compile(QUESTION_ID_PATTERN)

View = TypeVar("View", bound=Callable[..., Any])


def checked_question_id(view: View) -> View:
    """Refuse a `question_id` of other characters, or of no question of the session, before the body is looked at."""

    @wraps(view)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if not _QUESTION_ID.fullmatch(kwargs["question_id"]):
            message = "A question id has 1 to 64 letters, digits, '_' or '-'."
            raise InvalidRequest(message, code="invalid_question_id")
        services().answers.require_question(session(), kwargs["question_id"])
        return view(*args, **kwargs)

    return checked  # type: ignore[return-value]
