"""The web process as it is told to stop or to reload, with gunicorn's own configuration."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from simple_websocket import Client, ConnectionClosed

from config import ROOT
from scripts.live_client import PromptClient
from scripts.ports import free_port
from services.storage.client import connect
from tests.api.conftest import QUESTIONS, bearer
from tests.factories import wav_of
from tests.processes import descendants, is_alive, wait_until

TOKEN = "a-token-for-tests-only"
LISTENERS = 50
STOP_SECONDS = 10.0


class Web:
    """`gunicorn wsgi:app` in process mode; its model cannot be loaded, which takes no time."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process, self.port, self.log = process, port, log
        self.url = f"http://127.0.0.1:{port}"

    def is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        assert self.process.poll() is None, self.log.read_text()
        return False

    def start_session(self) -> str:
        reply = httpx.post(
            f"{self.url}/api/sessions", json={"questions": QUESTIONS}, headers=bearer(TOKEN), trust_env=False
        )
        assert reply.status_code == 201, reply.text
        return str(reply.json()["id"])


@pytest.fixture
def web(mongodb_uri: str, tmp_path: Path) -> Iterator[Web]:
    port, name = free_port(), f"test_{token_hex(8)}"
    environment = {
        **os.environ,
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": name,
        "REDIS_URL": "",
        "DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "BOOTSTRAP_TOKEN": TOKEN,
        "MAX_SOCKETS_PER_SESSION": "60",
        "WHISPER_MODEL": str(tmp_path / "none"),
    }
    log = tmp_path / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "gunicorn", "wsgi:app"]
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    found = Web(process, port, log)
    try:
        wait_until(found.is_up, 60)
        yield found
    finally:
        process.kill()
        process.wait()
        database = connect(mongodb_uri, name)
        database.client.drop_database(name)
        database.client.close()


def listening(web: Web, session_id: str, stack: ExitStack) -> Client:
    client = PromptClient(f"ws://127.0.0.1:{web.port}/ws/sessions/{session_id}", headers=bearer(TOKEN))
    stack.callback(client.thread.join, 10)
    assert client.receive(timeout=20) is not None
    return client


def upload(session_id: str, body: bytes) -> bytes:
    head = (
        f"POST /api/upload-answer/{session_id}/q1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode()


def is_refused(port: int) -> bool:
    with socket.socket() as line:
        line.settimeout(5)
        return line.connect_ex(("127.0.0.1", port)) != 0


def hear_the_end(client: Client) -> None:
    with suppress(ConnectionClosed):
        while client.receive(timeout=STOP_SECONDS) is not None:
            pass


def test_it_stops_within_seconds_and_finishes_what_it_was_asked(web: Web) -> None:
    session_id = web.start_session()
    body = (
        b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n' + wav_of() + b"\r\n--b--\r\n"
    )
    with ExitStack() as stack:
        clients = [listening(web, session_id, stack) for _ in range(LISTENERS)]
        line = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=STOP_SECONDS))
        line.sendall(upload(session_id, body) + body[:5000])
        silent = stack.enter_context(socket.create_connection(("127.0.0.1", web.port), timeout=STOP_SECONDS))
        began = time.monotonic()
        web.process.terminate()
        wait_until(lambda: is_refused(web.port), STOP_SECONDS)
        line.sendall(body[5000:])
        assert line.recv(4096).startswith(b"HTTP/1.1 202")
        listeners = [threading.Thread(target=hear_the_end, args=(client,)) for client in clients]
        for listener in listeners:
            listener.start()
        for listener in listeners:
            listener.join(STOP_SECONDS)
        assert silent.recv(1) == b""
        assert web.process.wait(STOP_SECONDS) == 0
        assert time.monotonic() - began < STOP_SECONDS
        assert not any(client.connected for client in clients)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR2, signal.SIGTTIN])
def test_no_second_worker_is_started_beside_the_one_that_transcribes(web: Web, number: signal.Signals) -> None:
    before = descendants(web.process.pid)
    web.process.send_signal(number)
    wait_until(lambda: f"{number.name} is refused" in web.log.read_text())
    assert descendants(web.process.pid) == before
    assert all(map(is_alive, before))
    assert web.is_up()
