"""Every way in, and every way that must not be one: what a request can show, by name."""

import base64
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from secrets import token_urlsafe
from typing import Any

import jwt

from services.access import OWNER
from services.container import Services
from services.models import Caller
from services.sessions import NewSession
from services.storage.client import MongoDatabase
from tests.factories import questions

SIGNING_SECRET = "a secret for tests that has the sixty-four bytes of the longest algorithm"
ISSUER, AUDIENCE = "https://login.example", "parley"
SIGNED_TOKENS: dict[str, Any] = {
    "auth_jwt_secret": SIGNING_SECRET,
    "auth_jwt_issuer": ISSUER,
    "auth_jwt_audience": AUDIENCE,
}


@dataclass(frozen=True)
class Shown:
    """What a request carries."""

    headers: dict[str, str] = field(default_factory=dict)
    query: str = ""


def bearer(token: str) -> Shown:
    return Shown({"Authorization": f"Bearer {token}"})


def cookie(token: str) -> Shown:
    return Shown({"Cookie": f"parley_token={token}"})


def ticket(value: str) -> Shown:
    return Shown(query=f"?ticket={value}")


def signed(subject: str, *, secret: str = SIGNING_SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    claims = {"sub": subject, "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600, **changes}
    return jwt.encode(claims, secret, algorithm=algorithm)


def unsigned(subject: str) -> str:
    claims = jwt.decode(signed(subject, role="admin"), options={"verify_signature": False})
    parts = [json.dumps(each).encode() for each in ({"alg": "none", "typ": "JWT"}, claims)]
    return ".".join(base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in parts) + "."


class World:
    """Ada's interview, another of hers, and the tokens of everybody around."""

    def __init__(self, services: Services, database: MongoDatabase) -> None:
        self.services, self.database = services, database
        self.mine, self.others = self._started("ada"), self._started("ada")
        self.revoked, self.expired = self._started("ada"), self._started("ada")
        services.links.revoke(Caller("ada"), self.revoked.session)
        self._set_link(self.expired, datetime(2020, 1, 1, tzinfo=UTC))

    @property
    def session_id(self) -> str:
        return self.mine.session.id

    def token(self, user_id: str, role: str = "user", seconds: int = 600) -> str:
        return self.services.access.issue(Caller(user_id, role), valid_for=timedelta(seconds=seconds))

    def worker_key(self, owner_id: str) -> str:
        return self.services.worker_keys.make(OWNER, owner_id, "gpu 1")[1]

    def revoked_worker_key(self) -> str:
        key, secret = self.services.worker_keys.make(OWNER, "ada", "gpu 1")
        self.services.worker_keys.revoke(OWNER, key.key_id)
        return secret

    def revoked_token(self) -> str:
        token = self.token("carol", "admin")
        self.services.access.revoke("carol")
        return token

    def ticket(self, session_id: str | None = None, token: str | None = None) -> str:
        made_by = self.services.access.grant_of(token or self.mine.link_token)
        return self.services.tickets.issue(made_by, session_id or self.session_id).ticket

    def expired_ticket(self) -> str:
        found = self.ticket()
        self.database["tickets"].update_many({}, {"$set": {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}})
        return found

    def used_ticket(self) -> str:
        found = self.ticket()
        self.services.tickets.redeem(found, self.session_id)
        return found

    def ticket_of_revoked_token(self) -> str:
        found = self.ticket(token=self.token("dan", "admin"))
        self.services.access.revoke("dan")
        return found

    def _started(self, user_id: str) -> NewSession:
        return self.services.sessions.start(Caller(user_id), questions("q1"), language=None, details={})

    def _set_link(self, started: NewSession, expires_at: datetime) -> None:
        change = {"$set": {"link.expires_at": expires_at}}
        self.database["interview_sessions"].update_one({"_id": started.session.id}, change)


# Nobody, by whatever is shown: 401 on every route that is not public.
NOBODY: dict[str, Callable[[World], Shown]] = {
    "nothing": lambda _: Shown(),
    "an empty header": lambda _: Shown({"Authorization": ""}),
    "no token": lambda _: Shown({"Authorization": "Bearer "}),
    "garbage": lambda _: bearer("garbage"),
    "a token nobody has": lambda _: bearer(token_urlsafe(32)),
    "a token that is too long": lambda _: bearer("x" * 7_000),
    "a token in other letters": lambda _: bearer("\u00e4\u00f6"),
    "a password": lambda _: Shown({"Authorization": "Basic Z2FyYmFnZTo="}),
    "a cookie of garbage": lambda _: cookie("garbage"),
    "an empty cookie": lambda _: cookie(""),
    "a cookie in other letters": lambda _: cookie("\u00e4"),
    "an expired token": lambda world: bearer(world.token("ada", "admin", seconds=-1)),
    "a revoked token": lambda world: bearer(world.revoked_token()),
    "a revoked worker key": lambda world: bearer(world.revoked_worker_key()),
    "an expired link": lambda world: bearer(world.expired.link_token),
    "a revoked link": lambda world: bearer(world.revoked.link_token),
    "the cookie of a revoked link": lambda world: cookie(world.revoked.link_token),
    "a signed token of somebody else's": lambda _: bearer(signed("ada", secret=SIGNING_SECRET[::-1], role="admin")),
    "a signed token for somebody else": lambda _: bearer(signed("ada", aud="another service", role="admin")),
    "a signed token by another issuer": lambda _: bearer(signed("ada", iss="https://evil.example", role="admin")),
    "a signed token in another algorithm": lambda _: bearer(signed("ada", algorithm="HS512", role="admin")),
    "an unsigned token": lambda _: bearer(unsigned("ada")),
    "an expired signed token": lambda _: bearer(signed("ada", exp=int(time.time()) - 60, role="admin")),
    "a signed token of the owner": lambda _: bearer(signed(OWNER.user_id, role="admin")),
    "a ticket that never was": lambda _: ticket("garbage"),
    "no ticket": lambda _: ticket(""),
    "an expired ticket": lambda world: ticket(world.expired_ticket()),
    "a used ticket": lambda world: ticket(world.used_ticket()),
    "a ticket for another session": lambda world: ticket(world.ticket(world.others.session.id)),
    "a ticket of a revoked token": lambda world: ticket(world.ticket_of_revoked_token()),
    "a ticket as a token": lambda world: bearer(world.ticket()),
    "a token in the address": lambda world: Shown(query=f"?token={world.mine.link_token}"),
}
# Somebody, but without a right to Ada's interview.
STRANGERS: dict[str, Callable[[World], Shown]] = {
    "another person": lambda world: bearer(world.token("bob")),
    "another person, signed": lambda _: bearer(signed("bob")),
    "another person, signed, with a strange role": lambda _: bearer(signed("bob", role="administrator")),
}
# Keys of workers: of the owner of what is asked for, and of another.
WORKERS: dict[str, Callable[[World], Shown]] = {
    "a worker of the owner's": lambda world: bearer(world.worker_key("ada")),
    "a worker of the owner's, as a cookie": lambda world: cookie(world.worker_key("ada")),
    "a worker of somebody else's": lambda world: bearer(world.worker_key("bob")),
}
OTHER_LINKS: dict[str, Callable[[World], Shown]] = {
    "another session's link": lambda world: bearer(world.others.link_token),
    "another session's link as a cookie": lambda world: cookie(world.others.link_token),
}
