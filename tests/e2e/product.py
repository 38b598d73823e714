"""The product as its user starts it: `python -m scripts.run` in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Self

import httpx

from config import ROOT
from scripts.ports import free_port
from tests.processes import descendants, is_alive, wait_until

# Loading PyTorch and a model on a busy machine.
START_SECONDS = 120
LINK = re.compile(r"Parley is ready:\s+(http://\S+)/\?token=(\S+)")


class Product:
    """One `make run` on a data directory; `environment` holds the settings it is given."""

    def __init__(self, data_dir: Path, **environment: str) -> None:
        self.port = int(environment.get("PORT") or free_port())
        self._output = data_dir.parent / f"{data_dir.name}-{self.port}.out"
        self.environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
            # Empty, not absent: what a developer's .env says must not count here. For a MongoDB or Redis that was
            # given to the tests, their settings come in `environment`.
            "MONGODB_URI": "",
            "REDIS_URL": "",
            "BOOTSTRAP_TOKEN": "",
            "PUBLIC_URL": "",
            "DATA_DIR": str(data_dir),
            "EMBEDDED_MONGODB_PORT": "0",
            "PORT": str(self.port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.children: set[int] = set()

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process, "not started"
        return self._process

    def start(self) -> Self:
        """Start it; does not wait."""
        with self._output.open("wb") as output:
            command = [sys.executable, "-m", "scripts.run"]
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=subprocess.STDOUT
            )
        return self

    def wait_until_ready(self) -> httpx.Client:
        """A client with the token of the printed link."""
        wait_until(lambda: LINK.search(self.output) or self.process.poll() is not None, START_SECONDS)
        link = LINK.search(self.output)
        assert link, self.output
        self.children = descendants(self.process.pid)
        return httpx.Client(base_url=link[1], headers={"Authorization": f"Bearer {link[2]}"}, trust_env=False)

    def send(self, number: signal.Signals) -> None:
        self.children |= descendants(self.process.pid)
        self.process.send_signal(number)

    def kill_everything(self) -> None:
        """SIGKILL to all of it at once, MongoDB included, as when the power goes."""
        self.children |= descendants(self.process.pid)
        for pid in [self.process.pid, *self.children]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not self.living_children())

    def exit_code(self, seconds: float = START_SECONDS) -> int:
        """Wait for its end."""
        return self.process.wait(seconds)

    def living_children(self) -> set[int]:
        """What it started and has not ended."""
        return {pid for pid in self.children if is_alive(pid)}

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.send(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        wait_until(lambda: not self.living_children())
