"""What a credential gives: a caller, for how long, and how to find out whether it still does."""

from dataclasses import dataclass
from datetime import datetime

from services.models import Caller


@dataclass(frozen=True, slots=True)
class Grant:
    """Who came in, and by what.

    `token_hash` is the hash of an access token or of a link's token, None for a signed token, which nothing can take
    back before `expires_at`. The grant holds no secret: it may be stored, and checked again without the token.
    """

    caller: Caller
    token_hash: str | None
    expires_at: datetime | None
