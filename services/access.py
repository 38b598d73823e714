"""Who may do what: bearer tokens of people and the tokens of session links, both 256 random bits, hashed at rest."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from services.errors import Unauthorized
from services.grants import Grant
from services.models import Caller
from services.signed_tokens import SignedTokens, is_signed
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

    def __init__(self, tokens: TokenStore, sessions: SessionStore, signed: SignedTokens | None = None) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._signed = signed

    def caller_of(self, token: str) -> Caller:
        """Whose token it is; raises `Unauthorized` for an unknown or expired one."""
        return self.grant_of(token).caller

    def grant_of(self, token: str) -> Grant:
        """What a token gives; raises `Unauthorized` for an unknown or expired one."""
        if is_signed(token):
            if self._signed is None:
                raise _invalid()
            return self._signed.grant_of(token)
        return self._stored(hash_of(token))

    def renewed(self, grant: Grant) -> Grant:
        """The same grant as of now; raises `Unauthorized` when what it came from was revoked or has expired."""
        if grant.token_hash is not None:
            return self._stored(grant.token_hash)
        if grant.expires_at is None or grant.expires_at <= datetime.now(UTC):
            raise _invalid()
        return grant

    def _stored(self, token_hash: str) -> Grant:
        now = datetime.now(UTC)
        found = self._tokens.find(token_hash, now) or self._sessions.find_by_link(token_hash, now)
        if found is None:
            raise _invalid()
        caller, expires_at = found
        return Grant(caller, token_hash, expires_at)

    def ensure_first_token(self, bootstrap_token: str | None) -> str | None:
        """Make sure that somebody can come in.

        `bootstrap_token` becomes the owner's, in place of an earlier one. Without one the first start creates a token
        and returns it, the only time that it can be shown; of several processes that start at once, in one of them.
        """
        if bootstrap_token is not None:
            self._tokens.save_bootstrap(hash_of(bootstrap_token), OWNER)
            return None
        if not self._tokens.is_empty():
            return None
        token = new_token()
        return token if self._tokens.save_first(hash_of(token), OWNER) else None

    def issue(self, caller: Caller, *, valid_for: timedelta) -> str:
        """A new token for a caller."""
        token = new_token()
        self._tokens.save(hash_of(token), caller, expires_at=datetime.now(UTC) + valid_for)
        return token

    def revoke(self, user_id: str) -> int:
        """End every access token of a person; how many there were. Signed tokens end by themselves only."""
        return self._tokens.delete_of(user_id)


def _invalid() -> Unauthorized:
    return Unauthorized("The token is not valid, or not valid any more.")
