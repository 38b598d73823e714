"""Addresses that one recording may be sent to: signed for exactly that recording, that question and ten minutes.

Nothing is stored for an address: all that it allows is in it, under an HMAC (RFC 2104) with a key of our own. It gives
nothing that whoever asked for it could not do at this moment: with the link or the token it ends, too.
"""

import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import token_hex

from services.access import Access
from services.consents import Consents
from services.errors import NotFound, Unauthorized
from services.features import require_audio
from services.grants import Grant
from services.models import Caller, Session
from services.storage.sessions import SessionStore
from services.storage.signing_key import SigningKeyStore

LIFETIME_SECONDS = 600
_PURPOSE = "parley upload 1"
_SIGNATURE = "signature"
_ALWAYS = frozenset({"session_id", "question_id", "content_type", "bytes", "expires", _SIGNATURE})
_SOMETIMES = frozenset({"sha256", "grant"})


@dataclass(frozen=True, slots=True)
class UploadIntent:
    """What is to be sent: the answer to which question, how many bytes of what, and perhaps their SHA-256."""

    session_id: str
    question_id: str
    content_type: str
    bytes: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SignedQuery:
    """What makes a path an address that opens: it is the credential."""

    parameters: Mapping[str, str]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """What an address allows, found to be true."""

    intent: UploadIntent
    session: Session
    grant: Grant


def new_object_key() -> str:
    """How an upload is called from its address to its answer; with it alone nobody can do anything."""
    return token_hex(16)


class UploadUrls:
    """Signs addresses, and checks them."""

    def __init__(self, keys: SigningKeyStore, access: Access, sessions: SessionStore, consents: Consents) -> None:
        self._consents = consents
        self._keys = keys
        self._access = access
        self._sessions = sessions

    def sign(self, grant: Grant, session: Session, intent: UploadIntent, *, method: str, path: str) -> SignedQuery:
        """The query for `path`, by the right of `grant` and not for longer; raises `ConsentRequired`."""
        require_audio(session)
        self._consents.require(session)
        expires = int(time.time()) + LIFETIME_SECONDS
        if grant.expires_at is not None:
            expires = min(expires, int(grant.expires_at.timestamp()))
        parameters = {
            "session_id": intent.session_id,
            "question_id": intent.question_id,
            "content_type": intent.content_type,
            "bytes": str(intent.bytes),
            "expires": str(expires),
        }
        if intent.sha256 is not None:
            parameters["sha256"] = intent.sha256
        if grant.token_hash is not None:
            parameters["grant"] = grant.token_hash
        parameters[_SIGNATURE] = self._signature(method, path, session.owner_id, parameters)
        return SignedQuery(parameters, datetime.fromtimestamp(expires, UTC))

    def verified(self, method: str, path: str, query: Mapping[str, Sequence[str]]) -> SignedUpload:
        """What a request with this address may do.

        Raises `Unauthorized` when it is not letter by letter one of ours, or not valid any more, and `ConsentRequired`.
        """
        parameters = _each_once(query)
        session = self._sessions.find_unguarded(parameters["session_id"])
        # Whether there is such a session is nobody's business who has no address for it.
        owner_id = session.owner_id if session is not None else ""
        expected = self._signature(method, path, owner_id, parameters)
        is_ours = hmac.compare_digest(expected.encode(), parameters[_SIGNATURE].encode("utf-8", "surrogatepass"))
        if session is None or not is_ours:
            raise _invalid()
        if int(parameters["expires"]) <= time.time():
            raise Unauthorized("The address is too old. Please ask for another one.", code="upload_url_expired")
        granted = self._granted(session, parameters)
        self._consents.require(session)
        return SignedUpload(_intent_of(parameters), session, granted)

    def _signature(self, method: str, path: str, owner_id: str, parameters: Mapping[str, str]) -> str:
        """Over the very strings of the address: what reads the same and is written otherwise is not the same."""
        signed = sorted((name, value) for name, value in parameters.items() if name != _SIGNATURE)
        message = json.dumps([_PURPOSE, method, path, owner_id, signed]).encode()
        return hmac.digest(self._keys.for_uploads(), message, "sha256").hex()

    def _granted(self, session: Session, parameters: Mapping[str, str]) -> Grant:
        """What the address was asked for with, as it is now. A signed token cannot be taken back before its end."""
        caller = Caller(session.owner_id, session_id=session.id)
        asked_with = Grant(caller, parameters.get("grant"), datetime.fromtimestamp(int(parameters["expires"]), UTC))
        grant = self._access.renewed(asked_with)
        if self._sessions.find(grant.caller, session.id) is None:
            raise NotFound("There is no such session.")
        return grant


def _each_once(query: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    if not _ALWAYS <= query.keys() <= _ALWAYS | _SOMETIMES or any(len(values) != 1 for values in query.values()):
        raise _invalid()
    return {name: values[0] for name, values in query.items()}


def _intent_of(parameters: Mapping[str, str]) -> UploadIntent:
    return UploadIntent(
        parameters["session_id"],
        parameters["question_id"],
        parameters["content_type"],
        int(parameters["bytes"]),
        parameters.get("sha256"),
    )


def _invalid() -> Unauthorized:
    return Unauthorized("The address is not one that we signed, or not valid any more.")
