"""What only the real server shows: replies that are given before the body was read must reach the client."""

import os
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx
import pytest

from config import ROOT
from scripts.ports import free_port
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, RunningServer
from tests.api.test_unread_bodies import answer_to
from tests.factories import wav_of
from tests.processes import wait_until

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def gunicorn(mongodb_uri: str, one_database: MongoDatabase) -> Iterator[RunningServer]:
    port = free_port()
    environ = {**os.environ, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": one_database.name}
    command = [sys.executable, "-m", "gunicorn", "--config", "python:tests.api.gunicorn_settings"]
    process = subprocess.Popen([*command, "--bind", f"127.0.0.1:{port}", "tests.api.serve:app"], cwd=ROOT, env=environ)
    server = RunningServer("127.0.0.1", port)

    def answers() -> bool:
        try:
            return httpx.get(f"{server.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            assert process.poll() is None, "gunicorn has ended"
            return False

    try:
        wait_until(answers)
        yield server
    finally:
        process.terminate()
        process.wait(20)


def upload(server: RunningServer, interview: Interview, size: int, headers: dict[str, str]) -> httpx.Response:
    recording = wav_of() + bytes(size - len(wav_of()))
    with httpx.Client(timeout=30, trust_env=False) as client:
        return client.post(
            f"{server.url}{interview.upload_path()}", files={"audio": ("a.wav", recording)}, headers=headers
        )


def test_a_recording_is_accepted(gunicorn: RunningServer, interview: Interview) -> None:
    reply = upload(gunicorn, interview, 5 * MIB, interview.candidate)
    assert (reply.status_code, reply.json()["bytes"]) == (202, 5 * MIB)


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
@pytest.mark.parametrize("size", [26 * MIB, 30 * MIB, 60 * MIB])
def test_a_recording_that_is_too_large_is_told_so(
    gunicorn: RunningServer, interview: Interview, size: int, connection: str
) -> None:
    reply = upload(gunicorn, interview, size, {**interview.candidate, "Connection": connection})
    assert (reply.status_code, reply.json()["code"]) == (413, "recording_too_large")


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
@pytest.mark.parametrize(("size", "who", "status"), [(30 * MIB, "link", 413), (20 * MIB, "garbage", 401)])
def test_a_client_that_sends_everything_before_it_reads_is_told_so_too(
    gunicorn: RunningServer, interview: Interview, size: int, who: str, status: int, connection: str
) -> None:
    """A reset in the middle of its sending would reach such a client before the reply does."""
    headers = {
        "Authorization": f"Bearer {interview.link_token if who == 'link' else who}",
        "Content-Type": "multipart/form-data; boundary=b",
        "Connection": connection,
    }
    line = HTTPConnection(gunicorn.host, gunicorn.port, timeout=20)
    try:
        line.request("POST", interview.upload_path(), body=bytes(size), headers=headers)
        assert line.getresponse().status == status
    finally:
        line.close()


def test_a_client_that_stalls_is_answered_all_the_same(gunicorn: RunningServer, interview: Interview) -> None:
    assert answer_to(gunicorn, interview.upload_path(), None, 20 * MIB).split()[1] == b"401"


def test_who_has_no_right_is_told_so_even_after_a_large_body(gunicorn: RunningServer, interview: Interview) -> None:
    reply = upload(gunicorn, interview, 20 * MIB, {})
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")


def test_a_body_of_unknown_length_that_grows_too_large_is_told_so(
    gunicorn: RunningServer, interview: Interview
) -> None:
    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + wav_of()
        for _ in range(40):
            yield bytes(MIB)

    headers = {**interview.candidate, "Content-Type": "multipart/form-data; boundary=b"}
    with httpx.Client(timeout=30, trust_env=False) as client:
        reply = client.post(f"{gunicorn.url}{interview.upload_path()}", content=endless(), headers=headers)
    assert (reply.status_code, reply.json()["title"]) == (413, "Request Entity Too Large")
