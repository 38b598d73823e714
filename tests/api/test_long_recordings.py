"""A long recording goes through the web process without ever being in it, and one that breaks off leaves nothing."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from bson import ObjectId

from config import ROOT
from scripts.ports import free_port
from services.container import Services
from services.models import Hints
from services.storage.acceptance import UploadLost
from services.storage.client import MongoDatabase
from tests.api.conftest import bearer
from tests.factories import wav_of
from tests.processes import descendants, wait_until
from tests.stores import Stores

MIB = 1024 * 1024
# Far above what is in memory at a time, far below what takes long.
LONG_BYTES = 60 * MIB
# Blocks of the parser, chunks on their way, what the driver makes of them; and what a first request loads.
MOST_GROWTH_BYTES = 30 * MIB
BOUNDARY = "boundary-of-the-test"
HEAD = (
    f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="long.wav"\r\n'
    "Content-Type: audio/wav\r\n\r\n"
).encode()
TAIL = f"\r\n--{BOUNDARY}--\r\n".encode()
BLOCK = wav_of(8)[:256_000]
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


@dataclass(frozen=True)
class Web:
    """gunicorn with one worker process."""

    url: str
    port: int
    master: int

    @property
    def worker(self) -> int:
        (found,) = descendants(self.master)
        return found

    def peak_bytes(self) -> int:
        (line,) = [each for each in self._read("status") if each.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def written_to_disk_bytes(self) -> int:
        (line,) = [each for each in self._read("io") if each.startswith("write_bytes")]
        return int(line.split()[1])

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _read(self, name: str) -> list[str]:
        return Path(f"/proc/{self.worker}/{name}").read_text().splitlines()


@pytest.fixture
def web(mongodb_uri: str, one_database: MongoDatabase) -> Iterator[Web]:
    port = free_port()
    environ = {**os.environ, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": one_database.name}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:tests.api.gunicorn_settings"]
    process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", "tests.api.serve:app"], cwd=ROOT, env=environ)
    found = Web(f"http://127.0.0.1:{port}", port, process.pid)
    try:
        wait_until(found.answers)
        yield found
    finally:
        process.terminate()
        process.wait(20)


def body(length_bytes: int) -> Iterator[bytes]:
    """A recording of that length, made while it is sent."""
    yield HEAD
    sent = 0
    while sent < length_bytes:
        block = BLOCK[: length_bytes - sent]
        yield block
        sent += len(block)
    yield TAIL


def send(web: Web, token: str, length_bytes: int) -> httpx.Response:
    headers = {**bearer(token), "Content-Type": TYPE}
    with httpx.Client(timeout=60, trust_env=False) as client:
        return client.post(f"{web.url}/api/transcribe", content=body(length_bytes), headers=headers)


@pytest.mark.skipif(sys.platform != "linux", reason="what a process took is read from /proc")
@pytest.mark.covers("N-transcribe", "Q-chunks")
def test_a_long_recording_is_in_no_memory_and_on_no_disk_of_the_web_process(
    web: Web, token: str, stores: Stores
) -> None:
    assert send(web, token, MIB).status_code == 202
    memory, disk = web.peak_bytes(), web.written_to_disk_bytes()
    reply = send(web, token, LONG_BYTES)
    assert reply.status_code == 202, reply.text
    assert web.peak_bytes() - memory < MOST_GROWTH_BYTES
    assert web.written_to_disk_bytes() - disk < MIB
    digest = sha256()
    parts = list(body(LONG_BYTES))[1:-1]
    for part in parts:
        digest.update(part)
    assert (reply.json()["bytes"], reply.json()["sha256"]) == (LONG_BYTES, digest.hexdigest())
    file = stores.database["fs.files"].find_one({"_id": ObjectId(reply.json()["file_id"])})
    assert file is not None
    assert file["length"] == LONG_BYTES
    assert sha256(stores.audio.read(reply.json()["file_id"])).hexdigest() == digest.hexdigest()


@pytest.mark.covers("N-transcribe")
def test_an_upload_that_breaks_off_leaves_nothing(web: Web, token: str, database: MongoDatabase) -> None:
    head = f"POST /api/transcribe HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {TYPE}\r\n"
    with socket.create_connection(("127.0.0.1", web.port)) as line:
        line.sendall(f"{head}Content-Length: {LONG_BYTES}\r\n\r\n".encode())
        for block, _ in zip(body(LONG_BYTES), range(40), strict=False):
            line.sendall(block)
        wait_until(lambda: database["fs.chunks"].count_documents({}) > 8)
        assert database["uploads"].count_documents({}) == 1
    wait_until(lambda: database["fs.chunks"].count_documents({}) == 0)
    assert database["uploads"].count_documents({}) == 0
    assert database["interview_sessions"].count_documents({}) == 0


@pytest.mark.parametrize("length_bytes", [220 * MIB, 2**40])
def test_a_length_beyond_the_limit_is_refused_before_it_comes(web: Web, token: str, length_bytes: int) -> None:
    head = f"POST /api/transcribe HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {TYPE}\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=10) as line:
        line.sendall(f"{head}Content-Length: {length_bytes}\r\n\r\n".encode() + HEAD)
        assert line.recv(4096).split()[1] == b"413"


def test_what_is_no_recording_is_refused_by_its_first_bytes(web: Web, token: str, database: MongoDatabase) -> None:
    """And its sender gets to read why, although the rest still comes."""

    def other() -> Iterator[bytes]:
        yield HEAD
        for _ in range(100):
            yield b"%PDF-1.7" + bytes(MIB)
        yield TAIL

    headers = {**bearer(token), "Content-Type": TYPE}
    with httpx.Client(timeout=60, trust_env=False) as client:
        reply = client.post(f"{web.url}/api/transcribe", content=other(), headers=headers)
    assert reply.status_code == 415
    assert database["uploads"].count_documents({}) == database["fs.chunks"].count_documents({}) == 0


def test_a_slow_upload_is_not_collected_while_it_comes(
    services: Services, stores: Stores, database: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.incoming_recordings.ALIVE_SECONDS", 0.0)
    incoming = services.transcription_jobs.expect("ada", None)
    content = wav_of(70)
    incoming.write(content[: len(content) // 2 + 1_000_000])
    before = marker_ends_at(database)
    time.sleep(0.002)
    incoming.write(content[len(content) // 2 + 1_000_000 :][:10])
    assert marker_ends_at(database) > before
    services.recovery.sweep()
    assert database["fs.chunks"].count_documents({}) > 0
    incoming.abandon()
    assert database["fs.chunks"].count_documents({}) == database["uploads"].count_documents({}) == 0


def test_an_upload_that_was_collected_becomes_no_job(
    services: Services, database: MongoDatabase, stored_files: Callable[[], tuple[int, int]]
) -> None:

    incoming = services.transcription_jobs.expect("ada", None)
    incoming.write(wav_of(70))
    database["uploads"].update_many({}, [{"$set": {"expires_at": {"$subtract": ["$$NOW", 1]}}}])
    services.recovery.sweep()
    with pytest.raises(UploadLost):
        services.transcription_jobs.accept("ada", incoming, Hints(), once=False)
    assert database["interview_sessions"].count_documents({}) == 0


def marker_ends_at(database: MongoDatabase) -> datetime:
    marker = database["uploads"].find_one({})
    assert marker is not None
    ends_at: datetime = marker["expires_at"]
    return ends_at
