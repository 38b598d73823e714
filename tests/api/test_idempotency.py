"""One effect for one key, and the first reply for every repeat."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services import idempotency
from services.container import Services
from services.errors import Unavailable
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import QUESTIONS, Interview, assert_problem, audio, bearer
from tests.factories import wav_of

Upload = Callable[..., TestResponse]

KEY = "9a0c4d6e-first-take"
# POSTs and PUTs for which a key would change nothing, with the reason.
NOT_KEYED: dict[str, str] = {
    "admin.cancel_answer": "creates nothing: what has ended once does not end again",
    "admin.cancel_answers": "creates nothing: what has ended once does not end again",
    "admin.fail_answer": "creates nothing: what has ended once does not end again",
    "admin.fail_answers": "creates nothing: what has ended once does not end again",
    "admin.sweep": "creates nothing: a sweep does what is due, and a second one finds nothing",
    "consent.give_consent": "the same words again are the same consent, with a later time",
    "flags.set_flag": "creates nothing: the same percentage again is the same percentage",
    "interview.analyze": "asking again is the way to wait: a kept 'not yet' would never end",
    "links.replace_link": "a repeat makes a newer link, which is the one that its caller then holds",
    "mentor.submit": "creates nothing: what was submitted once is not submitted again, and says when it was",
    "retention.choose_retention": "creates nothing: the same rule again is the same rule",
    "retention_of_others.choose_retention_of": "creates nothing: the same rule again is the same rule",
    "opinions.rate": "a rating stands in the place of the one before: a repeat says the same again",
    "review.edit_transcript": "an edit names the revision that it changes (If-Match): a repeat changes nothing more",
    "signed_uploads.receive": "the address is the key: a second upload by it is refused and changes nothing",
    "tickets.issue_ticket": "a ticket lives for a minute and opens one connection: a repeat needs a fresh one",
    "versions.restore_revision": "it names the revision that it replaces (If-Match): a repeat changes nothing more",
    "upload_url.make_upload_url": "nothing is stored: a repeat signs another address, and the one before stays good",
    "webhooks.replay_delivery": "creates nothing: what waits is not sent twice, and its receiver knows the id",
    "webhooks.replay_failed": "creates nothing: what is being sent again has not failed any more",
    "worker.write_transcript": "the same text again changes nothing, and another is refused",
    "uploads.presign": "nothing is stored: a repeat signs another address, and the one before stays good",
}


@pytest.fixture
def keyed(upload: Upload, interview: Interview) -> Upload:
    """Upload as the candidate with a key."""

    def post(key: str = KEY, content: bytes | None = None, headers: dict[str, str] | None = None) -> TestResponse:
        return upload(form=audio(content), headers={**(headers or interview.candidate), "Idempotency-Key": key})

    return post


def kept(database: MongoDatabase) -> dict[str, Any]:
    (found,) = database["idempotency_keys"].find()
    return found


def start(client: FlaskClient, headers: dict[str, str], **body: Any) -> TestResponse:
    return client.post("/api/sessions", json={"questions": QUESTIONS, **body}, headers=headers)


def replayed(reply: TestResponse) -> bool:
    return reply.headers.get("Idempotency-Replayed") == "true"


@pytest.mark.covers("Q-idempotent")
def test_a_repeat_is_answered_as_the_first_upload_was_and_has_no_effect(
    keyed: Upload, stored_files: Callable[[], tuple[int, int]], queue
) -> None:
    first, again = keyed(), keyed()
    assert (first.status_code, replayed(first)) == (202, False)
    assert (again.status_code, replayed(again)) == (202, True)
    assert again.get_data() == first.get_data()
    for name in ("Location", "Retry-After", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert (stored_files(), len(queue.sent)) == ((1, 1), 1)


def test_uploads_without_a_key_are_takes_of_their_own(upload: Upload) -> None:
    assert upload().get_json()["answer_id"] != upload().get_json()["answer_id"]


def test_another_key_is_another_take_and_a_late_repeat_of_the_first_does_not_undo_it(
    keyed: Upload, client: FlaskClient, interview: Interview
) -> None:
    first, second = keyed("take-1").get_json(), keyed("take-2", wav_of(2.0)).get_json()
    again = keyed("take-1")
    assert (again.get_json(), replayed(again)) == (first, True)
    status = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert status["answer_id"] == second["answer_id"] != first["answer_id"]


def test_the_same_key_with_other_bytes_is_refused(keyed: Upload) -> None:
    keyed()
    assert_problem(keyed(content=wav_of(2.0)), 422, "idempotency_key_reused")


def test_the_same_key_with_other_fields_is_refused(upload: Upload, interview: Interview) -> None:
    headers, said = {**interview.candidate, "Idempotency-Key": KEY}, {"language": "en", "duration_ms": "1000"}
    assert upload(form={**audio(), **said}, headers=headers).status_code == 202
    for other in ({"language": "de"}, {"duration_ms": "1001"}):
        again = upload(form={**audio(), **said, **other}, headers=headers)
        assert_problem(again, 422, "idempotency_key_reused")


def test_a_key_is_one_for_each_question_whoever_sends_it(keyed: Upload, upload: Upload, interview: Interview) -> None:
    first = keyed()
    other = upload("q2", headers={**interview.candidate, "Idempotency-Key": KEY})
    owners = keyed(headers=interview.owner)
    assert not replayed(other)
    assert other.get_json()["answer_id"] != first.get_json()["answer_id"]
    assert (replayed(owners), owners.get_json()) == (True, first.get_json())


def test_a_first_attempt_that_failed_frees_its_key(keyed: Upload, database: MongoDatabase) -> None:
    assert_problem(keyed(content=b"no audio"), 415)
    assert database["receipts"].count_documents({}) == 0
    assert keyed().status_code == 202


def test_a_first_attempt_that_found_the_database_away_frees_its_key(
    keyed: Upload, services: Services, monkeypatch
) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise Unavailable("The database does not answer at the moment.")

    with monkeypatch.context() as patched:
        patched.setattr(services.answers._uploads, "store", away)
        assert_problem(keyed(), 503)
    assert keyed().status_code == 202


@pytest.mark.parametrize("key", ["", " ", "with space", "umlaut-ä", "x" * 256, '""'])
def test_what_cannot_be_a_key_is_refused(keyed: Upload, key: str) -> None:
    assert_problem(keyed(key), 400, "malformed_idempotency_key")


@pytest.mark.parametrize("key", ["!", "x" * 255, "~" * 36])
def test_keys_of_every_visible_character_and_length_are_taken(keyed: Upload, key: str) -> None:
    assert keyed(key).status_code == 202
    assert replayed(keyed(f'"{key}"')), "quoted, as the draft has it, is the same key"


def test_a_repeat_waits_for_the_first_and_is_then_told_to_come_back(
    client: FlaskClient, token: str, database: MongoDatabase, monkeypatch
) -> None:
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0.2)
    headers = {**bearer(token), "Idempotency-Key": KEY}
    start(client, headers)
    running = datetime.now(UTC) + timedelta(seconds=60)
    database["idempotency_keys"].update_one({"_id": kept(database)["_id"]}, {"$set": {"lease_expires_at": running}})
    database["idempotency_keys"].update_one({"_id": kept(database)["_id"]}, {"$unset": {"reply": 1}})
    waiting = start(client, headers)
    problem = assert_problem(waiting, 409, "idempotency_in_flight")
    assert (waiting.headers["Retry-After"], problem["retryable"]) == ("1", True)


def test_an_attempt_whose_process_died_is_taken_over(client: FlaskClient, token: str, database: MongoDatabase) -> None:
    headers = {**bearer(token), "Idempotency-Key": KEY}
    start(client, headers)
    dead = datetime.now(UTC) - timedelta(seconds=1)
    database["idempotency_keys"].update_one({}, {"$unset": {"reply": 1}, "$set": {"lease_expires_at": dead}})
    again = start(client, headers)
    assert (again.status_code, replayed(again)) == (201, False)
    assert start(client, headers).get_data() == again.get_data()


def test_an_owner_that_was_taken_over_cannot_keep_its_reply(services: Services, database: MongoDatabase) -> None:
    key = idempotency.Key(Caller("ada"), None, "purpose", KEY, "credential")
    late = services.idempotency.begin(key, b"content")
    database["idempotency_keys"].update_many({}, {"$set": {"lease_expires_at": datetime.now(UTC)}})
    newer = services.idempotency.begin(key, b"content")
    assert not isinstance(late, idempotency.Reply)
    assert not isinstance(newer, idempotency.Reply)
    services.idempotency.finish(key, late, idempotency.Reply(200, {}, "late"), awaits_majority=False)
    services.idempotency.give_up(late)
    services.idempotency.finish(key, newer, idempotency.Reply(200, {}, "newer"), awaits_majority=True)
    assert services.idempotency.begin(key, b"content") == idempotency.Reply(200, {}, "newer")


def test_records_are_kept_for_48_hours_by_the_servers_clock(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    start(client, {**bearer(token), "Idempotency-Key": KEY})
    remaining = kept(database)["expires_at"] - datetime.now(UTC)
    assert timedelta(hours=47, minutes=55) < remaining <= timedelta(hours=48)
    ttls = {
        name: [
            index.get("expireAfterSeconds") for index in database[name].list_indexes() if "expires_at" in index["key"]
        ]
        for name in ("idempotency_keys", "receipts")
    }
    assert ttls == {"idempotency_keys": [0], "receipts": [0]}


def test_an_interview_is_started_once_and_its_link_shown_again(client: FlaskClient, token: str) -> None:
    headers = {**bearer(token), "Idempotency-Key": KEY}
    first, again = start(client, headers), start(client, headers)
    assert (again.status_code, again.get_data()) == (201, first.get_data())
    assert (replayed(again), again.headers["Location"]) == (True, first.headers["Location"])
    assert len(client.get("/api/sessions", headers=bearer(token)).get_json()["sessions"]) == 1


def test_json_that_is_written_otherwise_is_the_same_and_other_json_is_not(client: FlaskClient, token: str) -> None:
    headers = {**bearer(token), "Idempotency-Key": KEY, "Content-Type": "application/json"}
    body = {"questions": QUESTIONS, "language": "en"}
    first = client.post("/api/sessions", data=json.dumps(body), headers=headers)
    turned = json.dumps(dict(reversed(body.items())), indent=2)
    assert client.post("/api/sessions", data=turned, headers=headers).get_data() == first.get_data()
    other = client.post("/api/sessions", data=json.dumps({**body, "language": "de"}), headers=headers)
    assert_problem(other, 422, "idempotency_key_reused")


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b'{"a": NaN}', b"1" * 5000])
def test_what_is_not_json_is_refused_as_ever_and_frees_the_key(client: FlaskClient, token: str, body: bytes) -> None:
    headers = {**bearer(token), "Idempotency-Key": KEY, "Content-Type": "application/json"}
    reply = client.post("/api/sessions", data=body, headers=headers)
    assert reply.status_code in (400, 422)
    assert start(client, {**bearer(token), "Idempotency-Key": KEY}).status_code == 201


def test_nothing_of_a_kept_reply_can_be_read_in_the_database(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    reply = start(client, {**bearer(token), "Idempotency-Key": KEY})
    record = kept(database)
    stored = b"".join(value if isinstance(value, bytes) else str(value).encode() for value in record.values())
    link_token = reply.get_json()["link"].rpartition("token=")[2]
    for secret in (link_token, token, KEY, "Whom did you lead?"):
        assert secret.encode() not in stored


def test_with_another_credential_of_the_same_person_the_link_is_not_shown_again(
    client: FlaskClient, services: Services, token: str, owner: Caller
) -> None:
    start(client, {**bearer(token), "Idempotency-Key": KEY})
    other_token = services.access.issue(owner, valid_for=timedelta(hours=1))
    again = start(client, {**bearer(other_token), "Idempotency-Key": KEY})
    assert_problem(again, 409, "idempotency_reply_unreadable")
    assert len(client.get("/api/sessions", headers=bearer(token)).get_json()["sessions"]) == 1


def test_with_another_credential_of_the_same_person_an_upload_gets_its_receipt_all_the_same(
    keyed: Upload, services: Services, interview: Interview, owner: Caller
) -> None:
    first = keyed(headers=interview.owner)
    renewed = services.access.issue(owner, valid_for=timedelta(hours=1))
    assert keyed(headers=bearer(renewed)).get_json() == first.get_json()


def test_every_route_that_creates_something_honours_a_key_or_says_why_not(app: Flask) -> None:
    creating = {rule.endpoint for rule in app.url_map.iter_rules() if {"POST", "PUT"} & (rule.methods or set())}
    honouring = {each for each in creating if getattr(app.view_functions[each], "is_idempotent", False)}
    assert {"interview.upload_answer", "sessions.start_session"} <= honouring
    assert creating - honouring - set(NOT_KEYED) == set()
    assert not honouring & set(NOT_KEYED)
