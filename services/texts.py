"""What a text may be that comes from outside and is kept: as it is, or not at all."""

from services.errors import InvalidRequest

# What people type.
LONGEST_TEXT = 50_000
# What is heard in two hours, with much room: of what comes from outside, and of edits of what is as long already.
LONGEST_TRANSCRIPT = 200_000


def longest_edit(text: str | None) -> int:
    """How long what takes the place of this text may be: a person shortens a long one, and makes no short one long."""
    return LONGEST_TRANSCRIPT if len(text or "") > LONGEST_TEXT else LONGEST_TEXT


def require_storable(text: str, *, longest: int = LONGEST_TEXT) -> None:
    """Raise `InvalidRequest` for a text that is too long or not valid Unicode."""
    if len(text) > longest:
        raise InvalidRequest(f"A transcript has at most {longest} characters.", code="transcript_too_long")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("The text is not valid Unicode.", code="invalid_text") from None
