"""A web process that dies while a long recording of a job comes in: nothing acknowledged is lost, nothing is left."""

import os
import signal
import socket
from hashlib import sha256
from itertools import islice

import httpx
import pytest
from bson import ObjectId

from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import bearer
from tests.api.test_killed_uploads import (
    AFTER_THE_COMMIT,
    Mortal,
    age,
    mortal,  # noqa: F401 (the fixture)
    sweep,
)
from tests.api.test_long_recordings import MIB, TYPE, Web, body, web  # noqa: F401 (the fixture)
from tests.processes import wait_until
from tests.stores import Stores

WHOLE_BYTES = 50 * MIB
# What has come when the process dies, and what of it is in the database at least.
SENT_BYTES, STORED_CHUNKS = 30 * MIB, 100


def send(url: str, token: str, key: str, length_bytes: int) -> httpx.Response:
    headers = {**bearer(token), "Content-Type": TYPE, "Idempotency-Key": key}
    with httpx.Client(timeout=60, trust_env=False) as client:
        return client.post(f"{url}/api/transcribe", content=body(length_bytes), headers=headers)


def check_nothing_is_left(stores: Stores, job_ids: set[str]) -> None:
    """There are these jobs and no others; every chunk belongs to a recording of theirs, and all of it is there."""
    database = stores.database
    jobs = list(database["interview_sessions"].find({}))
    assert {job["_id"] for job in jobs} == job_ids
    assert database["uploads"].count_documents({}) == 0
    answers = [job["answers"]["recording"] for job in jobs]
    files = {ObjectId(answer["gridfs_file_id"]) for answer in answers}
    assert set(database["fs.chunks"].distinct("files_id")) == set(database["fs.files"].distinct("_id")) == files
    for answer in answers:
        content = b"".join(stores.audio.parts(answer["gridfs_file_id"]))
        assert (len(content), sha256(content).hexdigest()) == (answer["bytes"], answer["sha256"])


@pytest.mark.covers("N-transcribe")
def test_a_process_that_is_killed_in_the_middle_of_a_long_upload_loses_nothing_and_leaves_nothing(
    web: Web,  # noqa: F811
    token: str,
    services: Services,
    stores: Stores,
    database: MongoDatabase,
) -> None:
    acknowledged = send(web.url, token, "the-first", 3 * MIB)
    assert acknowledged.status_code == 202
    kept = database["fs.chunks"].count_documents({})
    head = f"POST /api/transcribe HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {TYPE}\r\n"
    blocks = list(islice(body(WHOLE_BYTES), SENT_BYTES // 256_000))
    killed = web.worker
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as line:
        line.sendall(f"{head}Idempotency-Key: the-second\r\nContent-Length: {WHOLE_BYTES}\r\n\r\n".encode())
        for block in blocks:
            line.sendall(block)
        wait_until(lambda: database["fs.chunks"].count_documents({}) > kept + STORED_CHUNKS, 60)
        os.kill(killed, signal.SIGKILL)
        assert answer_of(line) == b""
    wait_until(web.answers)
    assert web.worker != killed
    # Its marker lives, and what it stands for may still be on its way, for all that anybody knows.
    services.recovery.sweep()
    assert database["fs.chunks"].count_documents({}) > kept + STORED_CHUNKS
    age(database)
    services.recovery.sweep()
    check_nothing_is_left(stores, {acknowledged.json()["job_id"]})

    again = send(web.url, token, "the-second", WHOLE_BYTES)
    assert (again.status_code, again.json()["bytes"]) == (202, WHOLE_BYTES)
    check_nothing_is_left(stores, {acknowledged.json()["job_id"], again.json()["job_id"]})


@pytest.mark.parametrize("where", ["inside the transaction", *AFTER_THE_COMMIT[:1]])
def test_a_process_that_is_killed_while_an_upload_becomes_a_job_makes_it_once_or_not_at_all(
    mortal: Mortal,  # noqa: F811
    token: str,
    services: Services,
    stores: Stores,
    database: MongoDatabase,
    where: str,
) -> None:
    mortal.end("kill", where)
    with pytest.raises(httpx.TransportError):
        send(mortal.url, token, "the-one", 3 * MIB)
    wait_until(mortal.answers)
    sweep(services, database)
    jobs = {job["_id"] for job in database["interview_sessions"].find({}, {"_id": 1})}
    assert len(jobs) == (1 if where in AFTER_THE_COMMIT else 0)
    check_nothing_is_left(stores, jobs)

    again = send(mortal.url, token, "the-one", 3 * MIB)
    assert again.status_code == 202
    assert ("Idempotency-Replayed" in again.headers) is bool(jobs)
    check_nothing_is_left(stores, {again.json()["job_id"]} | jobs)


def answer_of(line: socket.socket) -> bytes:
    try:
        return line.recv(100)
    except ConnectionError:
        return b""
