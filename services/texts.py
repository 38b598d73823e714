"""What a text may be that comes from outside and is kept: as it is, or not at all."""

from services.errors import InvalidRequest

LONGEST_TEXT = 50_000


def require_storable(text: str, *, longest: int = LONGEST_TEXT) -> None:
    """Raise `InvalidRequest` for a text that is too long or not valid Unicode."""
    if len(text) > longest:
        raise InvalidRequest(f"A transcript has at most {longest} characters.", code="transcript_too_long")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("The text is not valid Unicode.", code="invalid_text") from None
