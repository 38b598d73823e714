"""The service as its user starts it (`python -m scripts.run`), for the demo, the benchmarks and the tests."""

import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from config import ROOT
from scripts.child_process import start_child
from scripts.ports import free_port

START_SECONDS = 120.0
STOP_SECONDS = 12.0
POLL_SECONDS = 0.05
DATABASE = "parley"


class ServiceNotReady(Exception):
    """Raised when the service ends or hangs while it starts; the message ends with its last lines."""


class StartedService:
    """One on free ports of 127.0.0.1, with everything it stores under `data_dir` and what it says in `service.log`.

    `environment` goes over our own. The database is its own unless `MONGODB_URI` is in `environment`, and so for Redis.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str] | None = None) -> None:
        self.token = secrets.token_urlsafe(32)
        self.log = data_dir / "service.log"
        self._port, self._mongodb_port = free_port(), free_port()
        self._environment = {
            "MONGODB_URI": "",
            "MONGODB_DATABASE": DATABASE,
            "REDIS_URL": "",
            "PUBLIC_URL": "",
            "HOST": "127.0.0.1",
            "PORT": str(self._port),
            "EMBEDDED_MONGODB_PORT": str(self._mongodb_port),
            "DATA_DIR": str(data_dir),
            "BOOTSTRAP_TOKEN": self.token,
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def mongodb_uri(self) -> str:
        return self._environment["MONGODB_URI"] or f"mongodb://127.0.0.1:{self._mongodb_port}/?directConnection=true"

    @property
    def environment(self) -> dict[str, str]:
        """What a worker for this service needs in its environment."""
        return {**os.environ, **self._environment, "MONGODB_URI": self.mongodb_uri}

    @property
    def pid(self) -> int:
        """Of `scripts.run`, which is the parent of everything else."""
        if self._process is None:
            raise ServiceNotReady("it was not started")
        return self._process.pid

    def start(self) -> Self:
        """Start it without waiting; what it said in an earlier run is kept."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            command = [sys.executable, "-m", "scripts.run"]
            self._process = start_child(command, output=output, cwd=ROOT, env={**os.environ, **self._environment})
        return self

    def wait_until_ready(self, *, needs_worker: bool = True) -> dict[str, Any]:
        """The body of `/readyz`, once it says ready (or, without `needs_worker`, that the database is well)."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.exit_code is None:
            body = self.readiness()
            if body.get("status") == "ready" or (not needs_worker and body.get("checks", {}).get("mongodb") == "ok"):
                return body
            time.sleep(POLL_SECONDS)
        raise ServiceNotReady(f"the service did not become ready:\n{self.last_words()}")

    def readiness(self) -> dict[str, Any]:
        """The body of `/readyz` as it is now, whatever it says; empty while nothing answers."""
        try:
            body = httpx.get(f"{self.url}/readyz", timeout=5).json()
        except (httpx.HTTPError, ValueError):
            return {}
        return body if isinstance(body, dict) else {}

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to stop as a person would; the seconds it took. One that does not stop is ended."""
        if self._process is None:
            return 0.0
        began = time.monotonic()
        self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # what it started ends with it
            self._process.wait()
        return time.monotonic() - began

    def last_words(self) -> str:
        """The end of what it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
