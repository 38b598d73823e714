"""The web tier as a child: gunicorn with `wsgi:app`, configured by gunicorn.conf.py."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from typing import Any

from config import ROOT, Settings
from scripts.child_process import kill_session, start_child

# Where a server that listens on every address is asked.
LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


class WebServer:
    """gunicorn on the host and port of the settings."""

    def __init__(self, settings: Settings) -> None:
        self._host = LOOPBACK_OF.get(settings.host, settings.host)
        self._port = settings.port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll() if self._process else None

    def start(self, environment: Mapping[str, str]) -> None:
        """Start it with these variables over our own environment."""
        command = [sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app"]
        self._process = start_child(command, cwd=ROOT, env={**os.environ, **environment})

    def readiness(self) -> tuple[int, dict[str, Any]] | None:
        """The status and body of `/readyz`; None while nothing answers."""
        connection = HTTPConnection(self._host, self._port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            body = json.loads(response.read() or b"{}")
        except (OSError, HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return response.status, body if isinstance(body, dict) else {}

    def stop(self, patience_seconds: float) -> None:
        """Let it finish what it answers; then end it with everything it started."""
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_seconds)
        self.kill()

    def kill(self) -> None:
        """End it with everything it started, at once."""
        if self._process is not None:
            kill_session(self._process)
