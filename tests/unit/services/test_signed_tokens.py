"""Signed tokens: what is plainly for us comes in, and nothing else, however it is forged."""

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest

from services.access import OWNER, Access, hash_of
from services.container import Services
from services.errors import Unauthorized
from services.models import Caller
from services.signed_tokens import SignedTokens, build_signed_tokens, is_signed
from services.storage.client import MongoDatabase
from services.storage.sessions import SessionStore
from services.storage.tokens import TokenStore
from tests.factories import settings_with

SECRET = "a secret that has the sixty-four bytes which the longest algorithm asks for"
ISSUER, AUDIENCE = "https://login.example", "parley"


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    plain = {"sub": "ada", "iss": ISSUER, "aud": AUDIENCE, "exp": now + 60, **changes}
    return {name: value for name, value in plain.items() if value is not None}


def signed(*, secret: str = SECRET, algorithm: str = "HS256", header: Any = None, **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm=algorithm, headers=header)


def part(value: Any) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def raw(payload: Any, header: Any = None) -> str:
    """A token that is rightly signed, whatever is in it."""
    signing_input = f"{part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{part(payload)}"
    algorithm = jwt.get_algorithm_by_name("HS256")
    return f"{signing_input}.{part(algorithm.sign(signing_input.encode(), SECRET.encode()))}"


@pytest.fixture
def tokens() -> SignedTokens:
    settings = settings_with(auth_jwt_secret=SECRET, auth_jwt_issuer=ISSUER, auth_jwt_audience=AUDIENCE)
    found = build_signed_tokens(settings, reserved=OWNER.user_id)
    assert found is not None
    return found


def test_a_token_for_us_is_its_subjects(tokens: SignedTokens) -> None:
    grant = tokens.grant_of(signed())
    assert (grant.caller, grant.token_hash) == (Caller("ada", "user"), None)
    assert grant.expires_at is not None
    assert 50 < (grant.expires_at - datetime.now(UTC)).total_seconds() <= 70


@pytest.mark.parametrize(
    ("role", "expected"),
    [("admin", "admin"), ("Admin", "user"), (["admin"], "user"), ({"admin": 1}, "user"), (True, "user"), ("", "user")],
)
def test_only_the_word_admin_is_an_admin(tokens: SignedTokens, role: Any, expected: str) -> None:
    assert tokens.grant_of(signed(role=role)).caller.role == expected


def test_clocks_may_differ_a_little(tokens: SignedTokens) -> None:
    now = int(time.time())
    tokens.grant_of(signed(exp=now - 5))
    tokens.grant_of(signed(nbf=now + 5, iat=now + 5))


NOW = int(time.time())
WRONG_CLAIMS = {
    "no exp": {"exp": None},
    "no iss": {"iss": None},
    "no aud": {"aud": None},
    "no sub": {"sub": None},
    "expired": {"exp": NOW - 30},
    "not yet": {"nbf": NOW + 3600},
    "issued in the future": {"iat": NOW + 3600},
    "another audience": {"aud": "somebody else"},
    "an audience like ours": {"aud": AUDIENCE.upper()},
    "another issuer": {"iss": "https://evil.example"},
    "an issuer that begins like ours": {"iss": f"{ISSUER}.evil.example"},
    "the owner": {"sub": OWNER.user_id},
    "nobody": {"sub": ""},
    "too long a name": {"sub": "a" * 129},
    "a name that cannot be printed": {"sub": "ada\x00"},
    "a name of two lines": {"sub": "ada\nadmin"},
    "an endless time": {"exp": 1e300},
}


@pytest.mark.parametrize("changes", WRONG_CLAIMS.values(), ids=WRONG_CLAIMS)
def test_wrong_claims_are_refused(tokens: SignedTokens, changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthorized):
        tokens.grant_of(signed(**changes))


FORGED = {
    "another secret": signed(secret=SECRET[::-1]),
    "no signature": signed().rpartition(".")[0] + ".",
    "cut off": signed()[:-1],
    "alg none": f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims())}.",
    "alg None": f"{part({'alg': 'None', 'typ': 'JWT'})}.{part(claims())}.",
    "another alg of the same secret": signed(algorithm="HS512"),
    "alg is a list": f"{part({'alg': ['HS256']})}.{part(claims())}.AAAA",
    "no alg": f"{part({'typ': 'JWT'})}.{part(claims())}.AAAA",
    "header is no object": f"{part('HS256')}.{part(claims())}.AAAA",
    "a list of claims": raw([]),
    "claims that are no JSON": raw(b"{"),
    "claims that are no text": raw(b"\xff\xfe"),
    "claims nested without end": raw(b'{"a":' * 1500 + b"1" + b"}" * 1500),
    "sub is a number": raw(claims(sub=7)),
    "sub is an object": raw(claims(sub={"$ne": 1})),
    "sub is half a surrogate pair": raw(claims(sub="\ud800")),
    "exp is a word": raw(claims(exp=str(NOW + 600))),
    "exp is infinite": raw(claims(exp=float("inf"))),
    "exp is no number": raw(claims(exp=float("nan"))),
    "exp is true": raw(claims(exp=True)),
    "aud is an object": raw(claims(aud={AUDIENCE: 1})),
    "iss is a list": raw(claims(iss=[ISSUER])),
    "an unknown critical header": raw(claims(), {"alg": "HS256", "crit": ["x"], "x": 1}),
    "an unencoded payload": raw(claims(), {"alg": "HS256", "b64": False, "crit": ["b64"]}),
    "huge": signed(padding="x" * 9_000),
    "four parts": signed() + ".e30",
    "only dots": "ey..",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED)
def test_what_is_forged_is_refused(tokens: SignedTokens, token: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.grant_of(token)


def test_what_looks_signed_is_never_looked_for_among_our_own(
    tokens: SignedTokens, services: Services, database: MongoDatabase
) -> None:
    forged = signed(secret=SECRET[::-1])
    TokenStore(database).save(hash_of(forged), OWNER)
    for access in (services.access, Access(TokenStore(database), SessionStore(database), tokens)):
        with pytest.raises(Unauthorized):
            access.caller_of(forged)


def test_tokens_of_our_own_do_not_look_signed(services: Services) -> None:
    ours = services.access.ensure_first_token(None)
    assert ours is not None
    assert [each for each in (ours, "ey" + ours, "", "..", "a.b.c") if is_signed(each)] == []
    assert is_signed(signed())


def test_without_settings_there_are_none() -> None:
    assert build_signed_tokens(settings_with(), reserved="owner") is None


def test_a_grant_ends_with_its_token(services: Services, tokens: SignedTokens) -> None:
    assert services.access.renewed(tokens.grant_of(signed())).caller == Caller("ada")
    over = replace(tokens.grant_of(signed()), expires_at=datetime.now(UTC))
    with pytest.raises(Unauthorized):
        services.access.renewed(over)
