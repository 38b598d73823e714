"""Upload first, answer then: what an address that was signed is good for, and how often."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from services import signed_uploads
from services.container import Services
from services.models import AnswerRef
from services.storage.client import MongoDatabase
from services.storage.uploads import UploadStore
from tests.api.conftest import Interview, assert_problem
from tests.api.signed_uploads import OTHER_WAV, WAV, Address, address_for, presign, put, use
from tests.fakes import RememberingQueue

SHA256 = sha256(WAV).hexdigest()


@pytest.fixture
def anybody(app: Flask) -> FlaskClient:
    """Without a cookie, without a token."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def address(client: FlaskClient, interview: Interview) -> Address:
    return address_for(client, interview)


@pytest.fixture
def kept(anybody: FlaskClient, address: Address) -> str:
    """The key of an upload that waits to be used."""
    assert put(anybody, address).status_code == 201
    return address.object_key


def seconds_from_now(time: str) -> float:
    return (datetime.fromisoformat(time) - datetime.now(UTC)).total_seconds()


def let_it_be_over(database: MongoDatabase) -> None:
    database["uploads"].update_many({}, {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}})


def left(database: MongoDatabase) -> tuple[int, int, int]:
    """How many markers, chunks and files there are."""
    markers, chunks, files = (database[name].count_documents({}) for name in ("uploads", "fs.chunks", "fs.files"))
    return markers, chunks, files


@pytest.mark.covers("E3-S2.1", "E3-S2.2", "E3-S3.2")
@pytest.mark.parametrize("who", ["candidate", "owner"])
def test_a_recording_that_was_sent_to_its_address_becomes_the_answer(
    client: FlaskClient,
    anybody: FlaskClient,
    interview: Interview,
    services: Services,
    queue: RememberingQueue,
    who: str,
) -> None:
    address = address_for(client, interview, headers=getattr(interview, who))
    assert 590 < seconds_from_now(address.expires_at) <= 600
    sent = put(anybody, address)
    assert sent.status_code == 201, sent.text
    said = sent.get_json()
    assert (said["object_key"], said["bytes"], said["sha256"]) == (address.object_key, len(WAV), SHA256)
    assert 3590 < seconds_from_now(said["expires_at"]) <= 3600
    used = use(client, interview, address.object_key, duration_ms=200, language="en")
    assert used.status_code == 202, used.text
    receipt = used.get_json()
    assert (receipt["transcription_status"], receipt["bytes"], receipt["sha256"]) == ("queued", len(WAV), SHA256)
    assert used.headers["Location"] == f"/api/transcription-status/{interview.id}/q1"
    assert queue.sent == [AnswerRef(interview.id, "q1", receipt["answer_id"])]
    services.transcription.transcribe(queue.sent[0])
    status = client.get(used.headers["Location"], headers=interview.candidate).get_json()
    assert (status["status"], status["declared_duration_ms"]) == ("completed", 200)


def test_using_an_upload_again_is_the_same_receipt_and_one_answer(
    client: FlaskClient, interview: Interview, services: Services, database: MongoDatabase, queue, kept: str
) -> None:
    first = use(client, interview, kept)
    assert use(client, interview, kept, duration_ms=5).get_json() == first.get_json()
    services.transcription.transcribe(queue.sent[0])
    let_it_be_over(database)
    services.recovery.sweep()
    assert use(client, interview, kept).get_json() == first.get_json()
    assert (len(queue.sent), left(database)) == (1, (0, 0, 0))


def test_using_an_upload_many_times_at_once_is_one_answer(
    app: Flask, interview: Interview, stores, queue: RememberingQueue, kept: str
) -> None:
    barrier = Barrier(8)

    def attempt(_: int) -> str:
        barrier.wait()
        reply = use(app.test_client(), interview, kept)
        assert reply.status_code == 202, reply.text
        return str(reply.get_json())

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(attempt, range(8)))) == 1
    assert len(queue.sent) == 1
    stores.check(interview.id)


def test_an_upload_takes_the_place_of_an_older_answer(
    client: FlaskClient, interview: Interview, upload: Callable[..., Any], database: MongoDatabase, stores, kept: str
) -> None:
    upload()
    assert use(client, interview, kept).status_code == 202
    assert left(database) == (0, 1, 1)
    stores.check(interview.id)


@pytest.mark.covers("E5-S2.3")
def test_a_second_upload_by_one_address_is_refused_and_changes_nothing(
    anybody: FlaskClient,
    client: FlaskClient,
    interview: Interview,
    database: MongoDatabase,
    kept: str,
    address: Address,
) -> None:
    def everything() -> list[Any]:
        return [
            list(database[name].find()) for name in ("uploads", "kept_uploads", "fs.chunks", "fs.files", "receipts")
        ]

    for content in (WAV, OTHER_WAV):
        before = everything()
        assert_problem(put(anybody, address, content), 409, "upload_url_used")
        assert everything() == before
    receipt = use(client, interview, kept).get_json()
    assert receipt["sha256"] == SHA256
    before = everything()
    assert_problem(put(anybody, address), 409, "upload_url_used")
    assert everything() == before


def test_after_the_answer_was_transcribed_its_address_is_still_used(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, services: Services, queue, address: Address
) -> None:
    put(anybody, address)
    use(client, interview, address.object_key)
    services.transcription.transcribe(queue.sent[0])
    assert_problem(put(anybody, address), 409, "upload_url_used")


def test_of_many_uploads_at_once_by_one_address_one_is_kept(
    app: Flask, database: MongoDatabase, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them have come in when the first is kept."""
    barrier, store = Barrier(6), UploadStore.store

    def store_together(self: UploadStore, ref: AnswerRef, content: bytes) -> str:
        file_id = store(self, ref, content)
        barrier.wait(10)
        return file_id

    monkeypatch.setattr(UploadStore, "store", store_together)
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda _: put(app.test_client(), address), range(6)))
    assert sorted(reply.status_code for reply in replies) == [201, *[409] * 5]
    assert left(database) == (1, 1, 0)
    (marker,), (found,) = database["uploads"].find(), database["kept_uploads"].find()
    assert (str(marker["_id"]), marker["is_kept"]) == (found["file_id"], True)


def test_the_signed_bytes_are_the_only_ones_that_are_taken(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, database: MongoDatabase
) -> None:
    address = address_for(client, interview, sha256=SHA256.upper())
    assert_problem(put(anybody, address, OTHER_WAV), 422, "digest_mismatch")
    assert left(database) == (0, 0, 0)
    assert put(anybody, address).status_code == 201


@pytest.mark.covers("E3-S2.3", "E5-S2.2")
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"content_type": "text/html"}, 415, "unsupported_media_type"),
        ({"content_type": "image/png"}, 415, "unsupported_media_type"),
        ({"content_type": ""}, 415, "unsupported_media_type"),
        ({"content_type": "audio/\u00fc"}, 422, None),
        ({"bytes": 25 * 1024 * 1024 + 1}, 413, "recording_too_large"),
        ({"bytes": 0}, 422, None),
        ({"bytes": -1}, 422, None),
        ({"bytes": "44"}, 422, None),
        ({"bytes": 10**30}, 422, None),
        ({"bytes": None}, 422, None),
        ({"sha256": "abc"}, 422, None),
        ({"question_id": "q9"}, 404, "no_such_question"),
        ({"question_id": "$q"}, 422, None),
        ({"session_id": "0" * 24}, 404, "not_found"),
        ({"session_id": "\ud800"}, 422, None),
        ({"owner": "me"}, 422, None),
    ],
)
def test_an_intent_that_could_never_be_taken_gets_no_address(
    client: FlaskClient, interview: Interview, changes: dict[str, Any], status: int, code: str | None
) -> None:
    assert_problem(presign(client, interview, **changes), status, code)


@pytest.mark.covers("E5-S2.1", "E5-S2.3")
def test_another_sessions_link_gets_no_address(
    client: FlaskClient, interview: Interview, other_interview: Interview
) -> None:
    assert_problem(presign(client, interview, headers=other_interview.candidate), 404, "not_found")
    assert_problem(presign(client, interview, headers={}), 401, "unauthorized")


@pytest.mark.parametrize(
    "declared", ["audio/wav", "audio/x-wav", "Audio/WAV", "audio/wave; codecs=1", "audio/vnd.wave;codecs=1"]
)
def test_a_type_may_be_written_as_browsers_write_it(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, declared: str
) -> None:
    address = address_for(client, interview, content_type=declared)
    assert put(anybody, address, content_type=declared).status_code == 201


def test_bytes_that_are_not_the_declared_container_are_refused(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, database: MongoDatabase
) -> None:
    webm = address_for(client, interview, content_type="audio/webm")
    assert_problem(put(anybody, webm, content_type="audio/webm"), 415, "not_the_declared_type")
    text = address_for(client, interview, bytes=12)
    assert_problem(put(anybody, text, b"<html></html"), 415, "unsupported_media_type")
    assert left(database) == (0, 0, 0)


@pytest.mark.covers("E5-S2.2")
@pytest.mark.parametrize("length", [len(WAV) - 1, len(WAV) + 1, 1])
def test_another_length_than_the_signed_one_is_refused(
    anybody: FlaskClient, address: Address, database: MongoDatabase, length: int
) -> None:
    assert_problem(put(anybody, address, (WAV + b"x")[:length]), 422, "length_not_signed")
    assert put(anybody, address).status_code == 201


@pytest.mark.covers("E5-S2.2")
@pytest.mark.parametrize("content_type", ["audio/webm", "", "application/json", "multipart/form-data; boundary=x"])
def test_another_type_than_the_signed_one_is_refused(anybody: FlaskClient, address: Address, content_type: str) -> None:
    assert_problem(put(anybody, address, content_type=content_type), 415)


def test_a_digest_that_does_not_fit_is_refused(anybody: FlaskClient, address: Address) -> None:
    wrong = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    assert_problem(put(anybody, address, headers=wrong), 422, "digest_mismatch")
    assert put(anybody, address).status_code == 201


@pytest.mark.covers("E5-S2.1")
def test_an_upload_is_for_one_question_of_one_session(
    client: FlaskClient, interview: Interview, other_interview: Interview, kept: str
) -> None:
    for key in (kept[:-1], kept.upper(), "0" * 32, "$ne", ".."):
        if key != kept:
            assert_problem(use(client, interview, key), 404, "no_such_upload")
    assert_problem(use(client, interview, kept, "q2"), 404, "no_such_upload")
    assert_problem(use(client, other_interview, kept), 404, "no_such_upload")
    assert_problem(use(client, other_interview, kept, headers=other_interview.owner), 404, "no_such_upload")
    assert_problem(use(client, interview, kept, headers=other_interview.candidate), 404, "not_found")
    assert_problem(use(client, interview, kept, headers={}), 401, "unauthorized")
    assert use(client, interview, kept).status_code == 202


def test_an_upload_that_nobody_used_is_collected_and_gone(
    client: FlaskClient, interview: Interview, services: Services, database: MongoDatabase, kept: str
) -> None:
    services.recovery.sweep()
    assert left(database) == (1, 1, 0)
    let_it_be_over(database)
    services.recovery.sweep()
    assert left(database) == (0, 0, 0)
    assert_problem(use(client, interview, kept), 404, "upload_expired")


def test_an_upload_whose_time_is_over_is_gone_before_the_sweep_comes(
    client: FlaskClient, interview: Interview, database: MongoDatabase, kept: str
) -> None:
    let_it_be_over(database)
    assert_problem(use(client, interview, kept), 404, "upload_expired")
    assert left(database) == (0, 0, 0)


def test_recordings_that_nobody_uses_do_not_pile_up(
    anybody: FlaskClient, client: FlaskClient, interview: Interview, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signed_uploads, "MOST_UNUSED", 1)
    second = address_for(client, interview, question_id="q2")
    refused = put(anybody, second)
    assert_problem(refused, 429, "too_many_unused_uploads")
    assert refused.headers["Retry-After"] == "60"
    use(client, interview, kept)
    assert put(anybody, second).status_code == 201
