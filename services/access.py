"""Who may do what: bearer tokens of people and the tokens of session links, both 256 random bits, hashed at rest."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from services.errors import Unauthorized
from services.models import Caller
from services.storage.sessions import SessionStore
from services.storage.tokens import TokenStore

OWNER = Caller(user_id="owner", role="admin")


def new_token() -> str:
    return token_urlsafe(32)


def hash_of(token: str) -> str:
    """How a token is stored and looked up. A fast hash is right here: there is nothing to guess in 256 random bits."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Access:
    """Turns tokens into callers."""

    def __init__(self, tokens: TokenStore, sessions: SessionStore) -> None:
        self._tokens = tokens
        self._sessions = sessions

    def caller_of(self, token: str) -> Caller:
        """Whose token it is; raises `Unauthorized` for an unknown or expired one."""
        now, token_hash = datetime.now(UTC), hash_of(token)
        caller = self._tokens.find(token_hash, now) or self._sessions.find_by_link(token_hash, now)
        if caller is None:
            raise Unauthorized("The token is not valid, or not valid any more.")
        return caller

    def ensure_first_token(self, bootstrap_token: str | None) -> str | None:
        """Make sure that somebody can come in.

        `bootstrap_token` becomes the owner's, in place of an earlier one. Without one the first start creates a token
        and returns it, the only time that it can be shown.
        """
        if bootstrap_token is not None:
            self._tokens.save_bootstrap(hash_of(bootstrap_token), OWNER)
            return None
        if not self._tokens.is_empty():
            return None
        token = new_token()
        self._tokens.save(hash_of(token), OWNER)
        return token

    def issue(self, caller: Caller, *, valid_for: timedelta) -> str:
        """A new token for a caller."""
        token = new_token()
        self._tokens.save(hash_of(token), caller, expires_at=datetime.now(UTC) + valid_for)
        return token
