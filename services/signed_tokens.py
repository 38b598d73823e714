"""Signed tokens (JWT, RFC 7519) of staff, as RFC 8725 wants them read: one algorithm, for us, from one issuer."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from config import Settings
from services.errors import Unauthorized
from services.grants import Grant
from services.models import Caller
from services.signing_keys import SigningKeys

LEEWAY_SECONDS = 10
LONGEST_TOKEN = 8_192
LONGEST_SUBJECT = 128
LONGEST_KEY_NAME = 256
# Three parts in base64url, the first of which begins a JSON object; tokens of our own hold no dot.
_SHAPE = re.compile(r"ey[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_REQUIRED = ["exp", "iss", "aud", "sub"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say to be one for us."""

    algorithm: str
    issuer: str
    audience: str
    role_claim: str


class SignedTokens:
    """Reads tokens that somebody else has signed."""

    def __init__(self, expected: Expected, find_key: Callable[[Mapping[str, Any]], Any], *, reserved: str) -> None:
        self._expected = expected
        self._find_key = find_key
        self._reserved = reserved

    def grant_of(self, token: str) -> Grant:
        """Who the token says it is for; raises `Unauthorized`, or `Unavailable` where no key can be had now."""
        try:
            if len(token) > LONGEST_TOKEN:
                raise ValueError("too long")
            header = jwt.get_unverified_header(token)
            if header["alg"] != self._expected.algorithm:
                raise ValueError("another algorithm")
            return self._grant(self._claims(token, self._find_key(header)))
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError, OSError) as error:
            raise Unauthorized("The token is not valid, or not valid any more.") from error

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        return jwt.decode(
            token,
            key,
            algorithms=[self._expected.algorithm],
            issuer=self._expected.issuer,
            audience=self._expected.audience,
            leeway=LEEWAY_SECONDS,
            options={"require": _REQUIRED, "enforce_minimum_key_length": True},
        )

    def _grant(self, claims: Mapping[str, Any]) -> Grant:
        subject, expires = claims["sub"], claims["exp"]
        if not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isprintable() or subject == self._reserved:
            raise ValueError("not a name")
        # PyJWT takes "1" and true for times.
        if any(type(claims[name]) not in (int, float) for name in ("exp", "nbf", "iat") if name in claims):
            raise ValueError("not a time")
        role = "admin" if claims.get(self._expected.role_claim) == "admin" else "user"
        expires_at = datetime.fromtimestamp(expires + LEEWAY_SECONDS, UTC)
        return Grant(Caller(subject, role), None, expires_at)


def is_signed(token: str) -> bool:
    """Whether it has the shape of a signed token; it is then never looked for among ours."""
    return _SHAPE.fullmatch(token) is not None


def build_signed_tokens(settings: Settings, *, reserved: str) -> SignedTokens | None:
    """As the settings say; None where they name neither a secret nor a key server. `reserved` is nobody's subject."""
    issuer, audience, algorithm = settings.auth_jwt_issuer, settings.auth_jwt_audience, settings.auth_jwt_algorithm
    if issuer is None or audience is None:
        return None
    if settings.auth_jwt_secret is not None:
        secret = settings.auth_jwt_secret
        expected = Expected(algorithm or "HS256", issuer, audience, settings.auth_jwt_role_claim)
        return SignedTokens(expected, lambda _: secret, reserved=reserved)
    if settings.auth_jwks_url is not None:
        keys = SigningKeys(settings.auth_jwks_url)
        expected = Expected(algorithm or "RS256", issuer, audience, settings.auth_jwt_role_claim)
        return SignedTokens(expected, lambda header: keys.find(_key_name(header)), reserved=reserved)
    return None


def _key_name(header: Mapping[str, Any]) -> str:
    name = header["kid"]
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_KEY_NAME:
        raise ValueError("not the name of a key")
    return name
