"""Cursors of lists: the time and the id of the last row of a page, which nobody has to understand."""

import base64
import binascii
import re
from datetime import UTC, datetime

from services.errors import InvalidRequest

_ID = re.compile(r"[0-9a-f]{24}")


def as_cursor(at: datetime, row_id: str) -> str:
    return base64.urlsafe_b64encode(f"{at.isoformat()} {row_id}".encode()).decode()


def from_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """What a cursor stands for; None stands for the first page. Raises `InvalidRequest` for one that is not ours."""
    if cursor is None:
        return None
    try:
        at, row_id = base64.urlsafe_b64decode(cursor).decode().rsplit(" ", 1)
        parsed = datetime.fromisoformat(at)
        if parsed.tzinfo is None or not _ID.fullmatch(row_id):
            raise ValueError("no time zone, or no id")
        return parsed.astimezone(UTC), row_id
    except (binascii.Error, ValueError, OverflowError) as error:
        raise InvalidRequest("The cursor is not one of ours.", code="invalid_cursor") from error
