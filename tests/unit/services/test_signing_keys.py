"""A key server that is good, slow, hung, broken, or has changed its keys; and nobody waits for long."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import RSAAlgorithm

from services import signing_keys
from services.errors import ParleyError, Unauthorized, Unavailable
from services.signed_tokens import SignedTokens, build_signed_tokens
from tests.factories import settings_with
from tests.processes import wait_until
from tests.unit.services.test_signed_tokens import AUDIENCE, ISSUER, claims, part

KEY = rsa.generate_private_key(65537, 2048)
NEXT_KEY = rsa.generate_private_key(65537, 2048)
Answer = Callable[[BaseHTTPRequestHandler], None]


def public(key: Any, kid: str, **fields: Any) -> dict[str, Any]:
    return {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, **fields}


def keys(*found: dict[str, Any]) -> Answer:
    return body(json.dumps({"keys": list(found)}).encode())


def body(content: bytes, status: int = 200) -> Answer:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


@dataclass
class KeyServer:
    """Says what it is told to."""

    answer: Answer = field(default_factory=lambda: keys(public(KEY, "one")))
    asked: int = 0
    ends: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def hang(self, _: BaseHTTPRequestHandler) -> None:
        self.ends.wait(30)

    def trickle(self, request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.ends.wait(0.05):
            request.wfile.write(b"x")
            request.wfile.flush()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    found = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked += 1
            try:
                found.answer(self)
            except OSError:
                return

        def log_message(self, *_: Any) -> None: ...

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    found.url = f"http://127.0.0.1:{running.server_address[1]}/keys"
    yield found
    found.ends.set()
    running.shutdown()
    running.server_close()


@pytest.fixture
def tokens(server: KeyServer) -> SignedTokens:
    settings = settings_with(auth_jwks_url=server.url, auth_jwt_issuer=ISSUER, auth_jwt_audience=AUDIENCE)
    found = build_signed_tokens(settings, reserved="owner")
    assert found is not None
    return found


def signed(key: Any = KEY, kid: Any = "one", algorithm: str = "RS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm, headers={"kid": kid})


def refused(tokens: SignedTokens, token: str) -> tuple[type[ParleyError], float]:
    began = time.monotonic()
    with pytest.raises(ParleyError) as error:
        tokens.grant_of(token)
    return type(error.value), time.monotonic() - began


def test_the_keys_are_fetched_once(tokens: SignedTokens, server: KeyServer) -> None:
    for _ in range(5):
        assert tokens.grant_of(signed()).caller.user_id == "ada"
    assert server.asked == 1


def test_a_flood_of_unknown_keys_asks_the_server_once(tokens: SignedTokens, server: KeyServer) -> None:
    for number in range(200):
        assert refused(tokens, signed(kid=f"unknown-{number}"))[0] is Unauthorized
    assert server.asked == 1
    tokens.grant_of(signed())


def test_a_changed_key_is_found_after_a_while(
    tokens: SignedTokens, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.grant_of(signed())
    server.answer = keys(public(NEXT_KEY, "two"))
    assert refused(tokens, signed(NEXT_KEY, "two"))[0] is Unauthorized
    monkeypatch.setattr(signing_keys, "COOLDOWN_SECONDS", 0)
    assert tokens.grant_of(signed(NEXT_KEY, "two")).caller.user_id == "ada"
    assert refused(tokens, signed())[0] is Unauthorized


BROKEN: dict[str, Answer] = {
    "500": body(b"{}", 500),
    "a redirect": body(b"", 302),
    "garbage": body(b"\xff\x00<html>"),
    "a list": body(b"[]"),
    "keys that are none": body(b'{"keys": [1, null, "x"]}'),
    "keys is no list": body(b'{"keys": 7}'),
    "without keys": body(b'{"keys": []}'),
    "endless": body(b"[" * 300_000),
    "nothing": lambda _: None,
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_broken_server_is_told_apart_from_a_wrong_token(
    tokens: SignedTokens, server: KeyServer, answer: Answer
) -> None:
    server.answer = answer
    for _ in range(20):
        assert refused(tokens, signed())[0] is Unavailable
    assert server.asked <= 2


@pytest.mark.parametrize("way", ["hang", "trickle"])
def test_a_server_that_hangs_holds_nobody_for_long(tokens: SignedTokens, server: KeyServer, way: str) -> None:
    server.answer = getattr(server, way)
    waited: list[float] = []
    asking = [threading.Thread(target=lambda: waited.append(refused(tokens, signed())[1])) for _ in range(40)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert max(waited) < signing_keys.WAIT_SECONDS + 1
    # Only a few wait at all: the others keep their threads for those who need no key.
    assert sum(each > 1 for each in waited) <= signing_keys.WAITING_AT_MOST
    assert server.asked == 1


def test_after_two_failures_the_server_is_left_alone(
    tokens: SignedTokens, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_keys, "WAIT_SECONDS", 0.2)
    server.answer = server.hang
    for _ in range(2):
        refused(tokens, signed())
    wait_until(lambda: refused(tokens, signed())[1] < 0.1)
    asked = server.asked
    assert all(refused(tokens, signed())[1] < 0.1 for _ in range(20))
    assert server.asked == asked == 2


def test_known_keys_work_while_the_server_is_away_but_not_for_ever(
    tokens: SignedTokens, server: KeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens.grant_of(signed())
    server.answer = body(b"", 500)
    monkeypatch.setattr(signing_keys, "FRESH_SECONDS", 0)
    for _ in range(5):
        tokens.grant_of(signed())
    wait_until(lambda: server.asked > 1)
    for name in ("STALE_SECONDS", "COOLDOWN_SECONDS"):
        monkeypatch.setattr(signing_keys, name, 0)
    assert refused(tokens, signed())[0] is Unavailable


def test_a_public_key_is_no_secret(tokens: SignedTokens) -> None:
    """Signed with what everybody can read, and said to be a shared secret."""
    forged = jwt.api_jws.PyJWS()
    pem = public(KEY, "one")["n"].encode()
    token = forged.encode(json.dumps(claims()).encode(), pem, algorithm="HS256", headers={"kid": "one"})
    assert refused(tokens, token)[0] is Unauthorized


def test_a_shared_secret_among_the_keys_is_not_taken(server: KeyServer, tokens: SignedTokens) -> None:
    server.answer = keys({"kty": "oct", "k": part(b"x" * 40), "kid": "shared"}, public(KEY, "one"))
    token = jwt.encode(claims(), b"x" * 40, algorithm="HS256", headers={"kid": "shared"})
    assert refused(tokens, token)[0] is Unauthorized
    tokens.grant_of(signed())


def test_a_key_for_another_algorithm_or_use_is_not_taken(server: KeyServer, tokens: SignedTokens) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    server.answer = keys(public(KEY, "encrypts", use="enc"), public(KEY, "one"))
    assert refused(tokens, signed(kid="encrypts"))[0] is Unauthorized
    assert refused(tokens, signed(curve, algorithm="ES256"))[0] is Unauthorized
    assert refused(tokens, signed(algorithm="RS512"))[0] is Unauthorized


def test_a_key_that_is_too_short_is_not_taken(server: KeyServer, tokens: SignedTokens) -> None:
    short = rsa.generate_private_key(65537, 1024)
    server.answer = keys(public(short, "one"))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = signed(short)
    assert refused(tokens, token)[0] is Unauthorized


@pytest.mark.parametrize("kid", ["", "../../etc/passwd", "a" * 300, "one' OR '1'='1", "http://evil.example/k"])
def test_the_name_of_a_key_is_only_a_name(server: KeyServer, tokens: SignedTokens, kid: str) -> None:
    assert refused(tokens, signed(kid=kid))[0] is Unauthorized


@pytest.mark.parametrize("header", [{}, {"kid": 7}, {"kid": None}, {"jku": "https://evil.example"}])
def test_a_token_that_names_no_key_is_refused(server: KeyServer, tokens: SignedTokens, header: dict[str, Any]) -> None:
    token = f"{part({'alg': 'RS256', **header})}.{part(claims())}.AAAA"
    assert refused(tokens, token)[0] is Unauthorized
    assert server.asked == 0
