"""An address that was signed for one thing is none for another, nor after its time, nor for whoever lost a right."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from config import Settings
from services.container import Services
from services.errors import Unauthorized
from services.grants import Grant
from services.models import AnswerRef, Caller
from services.storage.client import MongoDatabase
from services.storage.uploads import UploadStore
from services.upload_urls import UploadIntent
from tests.api.conftest import Interview, assert_problem, bearer, start_interview
from tests.api.credentials import SIGNED_TOKENS, signed
from tests.api.signed_uploads import WAV, Address, address_for, address_of, presign, put, use
from tests.factories import settings_with

PATH = "/api/uploads/audio/"


@pytest.fixture
def settings() -> Settings:
    return settings_with(**SIGNED_TOKENS)


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    return app.test_client(use_cookies=False)


@pytest.fixture
def address(client: FlaskClient, interview: Interview) -> Address:
    return address_for(client, interview, sha256="ab" * 32)


def nothing_is_stored(database: MongoDatabase) -> bool:
    return not any(database[name].count_documents({}) for name in ("uploads", "kept_uploads", "fs.chunks", "fs.files"))


def with_first(query: tuple[tuple[str, str], ...], name: str, value: str) -> tuple[tuple[str, str], ...]:
    return ((name, value), *query)


def flipped(text: str, position: int) -> str:
    return text[:position] + ("0" if text[position] != "0" else "1") + text[position + 1 :]


def without(name: str) -> Callable[[Address], Address]:
    return lambda of: replace(of, query=tuple(each for each in of.query if each[0] != name))


# What may be changed about an address, by what is changed.
TAMPERED: dict[str, Callable[[Address], Address]] = {
    "the path": lambda of: replace(of, path=PATH + "0" * 32),
    "a digit of the path": lambda of: replace(of, path=PATH + flipped(of.object_key, 31)),
    "the session": lambda of: of.but(session_id="0" * 24),
    "the question": lambda of: of.but(question_id="q2"),
    "the size": lambda of: of.but(bytes=str(len(WAV) + 1)),
    "the size's writing": lambda of: of.but(bytes=f"0{len(WAV)}"),
    "the size's sign": lambda of: of.but(bytes=f"+{len(WAV)}"),
    "no size": lambda of: of.but(bytes=""),
    "the type": lambda of: of.but(content_type="audio/webm"),
    "the type's letters": lambda of: of.but(content_type="AUDIO/WAV"),
    "a later end": lambda of: of.but(expires=str(int(dict(of.query)["expires"]) + 1)),
    "an end far away": lambda of: of.but(expires="9" * 300),
    "an end in other digits": lambda of: of.but(expires="\u0661\u0662\u0663"),
    "the digest": lambda of: of.but(sha256="cd" * 32),
    "the digest's letters": lambda of: of.but(sha256="AB" * 32),
    "whom it came from": lambda of: of.but(grant="0" * 64),
    "the first of the signature": lambda of: of.but(signature=flipped(of.signature, 0)),
    "the last of the signature": lambda of: of.but(signature=flipped(of.signature, 63)),
    "half the signature": lambda of: of.but(signature=of.signature[:32]),
    "more of the signature": lambda of: of.but(signature=of.signature + "0"),
    "the signature's letters": lambda of: of.but(signature=of.signature.upper()),
    "an empty signature": lambda of: of.but(signature=""),
    "a signature in other letters": lambda of: of.but(signature="\u00e4" * 64),
    "two values swapped": lambda of: of.but(session_id="q1", question_id=dict(of.query)["session_id"]),
    "values over their border": lambda of: of.but(question_id="q", content_type="1audio/wav"),
    "one more parameter": lambda of: replace(of, query=(*of.query, ("role", "admin"))),
    "one more without a name": lambda of: replace(of, query=(*of.query, ("", ""))),
    "a parameter twice": lambda of: replace(of, query=(*of.query, ("bytes", str(len(WAV))))),
    "a parameter twice, differently": lambda of: replace(of, query=with_first(of.query, "session_id", "0" * 24)),
    "the signature twice": lambda of: replace(of, query=with_first(of.query, "signature", of.signature)),
    "nothing but the signature": lambda of: replace(of, query=(("signature", of.signature),)),
    "nothing": lambda of: replace(of, query=()),
    **{
        f"without {name}": without(name)
        for name in ("session_id", "question_id", "content_type", "bytes", "sha256", "expires", "grant", "signature")
    },
}


@pytest.mark.covers("E5-S2.3")
@pytest.mark.parametrize("tamper", TAMPERED.values(), ids=TAMPERED)
def test_whatever_is_changed_about_an_address_it_opens_nothing(
    anybody: FlaskClient, address: Address, database: MongoDatabase, tamper: Callable[[Address], Address]
) -> None:
    changed = tamper(address)
    assert changed != address
    assert_problem(put(anybody, changed), 401, "unauthorized")
    assert nothing_is_stored(database)


def test_the_order_and_the_escaping_of_an_address_are_no_matter(anybody: FlaskClient, address: Address) -> None:
    """Else all of the above would hold for an address that never opened anything."""
    turned = replace(address, query=address.query[::-1])
    assert_problem(put(anybody, turned), 422, "digest_mismatch")
    escaped = replace(address, path=PATH + "".join(f"%{ord(letter):02x}" for letter in address.object_key))
    assert_problem(put(anybody, escaped), 422, "digest_mismatch")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "TRACE", "FOO"])
def test_an_address_is_for_one_method(
    anybody: FlaskClient, address: Address, database: MongoDatabase, method: str
) -> None:
    reply = anybody.open(address.target, method=method, data=WAV, content_type="audio/wav")
    assert (reply.status_code, reply.headers["Allow"]) == (405, "OPTIONS, PUT")
    overridden = {"X-HTTP-Method-Override": "PUT", "X-HTTP-Method": "PUT"}
    assert anybody.open(address.target, method=method, data=WAV, headers=overridden).status_code == 405
    assert nothing_is_stored(database)


def test_the_method_is_part_of_what_is_signed(services: Services, address: Address) -> None:
    query = {name: [value] for name, value in address.query}
    assert services.upload_urls.verified("PUT", address.path, query).intent.question_id == "q1"
    for method, path in (("POST", address.path), ("put", address.path), ("PUT", "/elsewhere/" + address.object_key)):
        with pytest.raises(Unauthorized):
            services.upload_urls.verified(method, path, query)


def test_the_owner_is_part_of_what_is_signed(
    anybody: FlaskClient, address: Address, interview: Interview, database: MongoDatabase
) -> None:
    database["interview_sessions"].update_one({"_id": interview.id}, {"$set": {"owner_id": "somebody-else"}})
    assert_problem(put(anybody, address), 401, "unauthorized")


def test_the_signature_of_another_address_does_not_fit(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, other_interview: Interview
) -> None:
    mine, again = address_for(client, interview), address_for(client, interview)
    others = address_for(client, other_interview)
    for other in (again, others):
        assert_problem(put(anybody, mine.but(signature=other.signature)), 401, "unauthorized")
        assert_problem(put(anybody, replace(mine, path=other.path)), 401, "unauthorized")
    assert put(anybody, mine).status_code == 201


@pytest.mark.covers("E5-S2.3")
def test_other_credentials_do_not_make_up_for_it(
    client: FlaskClient, address: Address, interview: Interview, database: MongoDatabase
) -> None:
    for headers in (interview.owner, interview.candidate):
        assert_problem(put(client, address.but(bytes="1"), headers=headers), 401, "unauthorized")
        assert_problem(put(client, replace(address, query=()), headers=headers), 401, "unauthorized")
    assert nothing_is_stored(database)


def test_what_opens_an_upload_opens_nothing_else(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, address: Address
) -> None:
    query = address.target.partition("?")[2]
    for path in (f"/api/sessions/{interview.id}", f"/api/transcription-status/{interview.id}", "/api/sessions"):
        assert_problem(anybody.get(f"{path}?{query}"), 401, "unauthorized")
        assert_problem(anybody.get(path, headers=bearer(address.signature)), 401, "unauthorized")
        assert_problem(anybody.get(path, headers=bearer(dict(address.query)["grant"])), 401, "unauthorized")
    assert_problem(use(client, interview, address.object_key, headers={}), 401, "unauthorized")


@pytest.mark.covers("E3-S2.1", "E5-S2.1")
def test_an_address_ends_after_ten_minutes(
    anybody: FlaskClient, client: FlaskClient, services: Services, interview: Interview, database: MongoDatabase
) -> None:
    address = address_for(client, interview)
    assert 595 < int(dict(address.query)["expires"]) - time.time() <= 600
    wanted = UploadIntent(interview.id, "q1", "audio/wav", len(WAV))
    asked = services.sessions.get(Caller("owner", "admin"), interview.id)
    for seconds, status, code in ((-1, 401, "upload_url_expired"), (0, 401, "upload_url_expired"), (30, 201, None)):
        # By our clock alone: what was signed to end at a moment, a second later or half a minute before.
        grant = Grant(Caller("owner"), None, datetime.now(UTC) + timedelta(seconds=seconds))
        signed_so = services.upload_urls.sign(grant, asked, wanted, method="PUT", path=address.path)
        reply = put(anybody, replace(address, query=tuple(signed_so.parameters.items())))
        assert (reply.status_code, (reply.get_json() or {}).get("code")) == (status, code)
        assert nothing_is_stored(database) is (status == 401)


def test_an_address_does_not_outlive_the_token_it_was_asked_for_with(
    client: FlaskClient, services: Services, interview: Interview
) -> None:
    admin = services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(seconds=90))
    for token in (admin, signed("grace", role="admin", exp=int(time.time()) + 90)):
        address = address_of(presign(client, interview, headers=bearer(token)))
        # Signed tokens are taken for some seconds more, for clocks that differ.
        assert 80 < int(dict(address.query)["expires"]) - time.time() <= 101


def test_the_address_of_a_signed_token_takes_an_upload(
    anybody: FlaskClient, client: FlaskClient, interview: Interview
) -> None:
    address = address_of(presign(client, interview, headers=bearer(signed("grace", role="admin"))))
    assert "grant" not in dict(address.query)
    assert_problem(put(anybody, replace(address, query=(*address.query, ("grant", "0" * 64)))), 401, "unauthorized")
    assert put(anybody, address).status_code == 201


def revoke_link(services: Services, interview: Interview, _: MongoDatabase) -> None:
    found = services.sessions.get(Caller("owner", "admin"), interview.id)
    services.links.revoke(Caller("owner", "admin"), found)


def replace_link(services: Services, interview: Interview, _: MongoDatabase) -> None:
    found = services.sessions.get(Caller("owner", "admin"), interview.id)
    services.links.replace(Caller("owner", "admin"), found)


def let_link_expire(_: Services, interview: Interview, database: MongoDatabase) -> None:
    past = {"$set": {"link.expires_at": datetime(2020, 1, 1, tzinfo=UTC)}}
    database["interview_sessions"].update_one({"_id": interview.id}, past)


def erase(services: Services, interview: Interview, _: MongoDatabase) -> None:
    assert services.erasure.erase_session(Caller("owner", "admin"), interview.id, "owner").is_complete


@pytest.mark.parametrize("happens", [revoke_link, replace_link, let_link_expire, erase])
def test_an_address_ends_with_the_link_it_was_asked_for_with(
    anybody: FlaskClient, address: Address, services: Services, interview: Interview, database, happens: Any
) -> None:
    happens(services, interview, database)
    assert_problem(put(anybody, address), 401, "unauthorized")
    assert nothing_is_stored(database)


def test_an_address_of_a_person_ends_with_the_token_and_not_with_the_link(
    anybody: FlaskClient, client: FlaskClient, services: Services, token: str, database: MongoDatabase
) -> None:
    adas = services.access.issue(Caller("ada"), valid_for=timedelta(hours=1))
    interview = start_interview(client, adas)
    first, second = (address_for(client, interview, headers=interview.owner) for _ in range(2))
    revoke_link(services, interview, database)
    assert put(anybody, first).status_code == 201
    services.access.revoke("ada")
    assert_problem(put(anybody, second), 401, "unauthorized")


def test_an_address_of_somebody_who_may_not_see_the_session_any_more_finds_nothing(
    anybody: FlaskClient, client: FlaskClient, services: Services, interview: Interview, database: MongoDatabase
) -> None:
    token = services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1))
    address = address_of(presign(client, interview, headers=bearer(token)))
    database["access_tokens"].update_one({"user_id": "grace"}, {"$set": {"role": "user"}})
    assert_problem(put(anybody, address), 404, "not_found")


def test_a_session_that_is_erased_while_the_recording_comes_in_keeps_nothing_of_it(
    anybody: FlaskClient, client: FlaskClient, services: Services, interview: Interview, database, monkeypatch
) -> None:
    address, store = address_for(client, interview), UploadStore.store

    def erased_meanwhile(self: UploadStore, ref: AnswerRef, content: bytes) -> str:
        file_id = store(self, ref, content)
        erase(services, interview, database)
        return file_id

    monkeypatch.setattr(UploadStore, "store", erased_meanwhile)
    assert_problem(put(anybody, address), 404, "not_found")
    assert nothing_is_stored(database)


def test_an_upload_that_waits_is_erased_with_its_session(
    anybody: FlaskClient, client: FlaskClient, services: Services, interview: Interview, database: MongoDatabase
) -> None:
    address = address_for(client, interview)
    assert put(anybody, address).status_code == 201
    erase(services, interview, database)
    assert nothing_is_stored(database)
    assert_problem(use(client, interview, address.object_key, headers=interview.owner), 404, "not_found")


def test_without_its_key_every_address_is_void(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, address: Address, database: MongoDatabase
) -> None:
    database["signing_keys"].delete_many({})
    assert_problem(put(anybody, address), 401, "unauthorized")
    assert put(anybody, address_for(client, interview)).status_code == 201


def test_signatures_are_compared_in_constant_time(
    anybody: FlaskClient, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def remember(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr("services.upload_urls.hmac.compare_digest", remember)
    assert_problem(put(anybody, address), 401, "unauthorized")
    assert compared == [(address.signature.encode(), address.signature.encode())]


def test_an_unknown_session_is_refused_as_a_wrong_signature_is(anybody: FlaskClient, address: Address) -> None:
    replies = [put(anybody, address.but(session_id=each)).get_json() for each in ("0" * 24, "x", "\x00", "$ne")]
    replies.append(put(anybody, address.but(signature="0" * 64)).get_json())
    assert len({tuple(sorted({**reply, "request_id": ""}.items())) for reply in replies}) == 1
