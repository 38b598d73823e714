"""Every part of the product on this machine: MongoDB, Redis, two web listeners, three workers, and proxies between."""

import random
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx
from pymongo import MongoClient
from pymongo.database import Database

from scripts.chaos.cutter import Cutter
from scripts.chaos.parts import GUNICORN, WORKER, Part, Program
from scripts.chaos.process_tree import Usage, description
from scripts.chaos.steady_ports import steady_port
from scripts.embedded_mongod import EmbeddedMongod
from scripts.embedded_redis import EmbeddedRedis

Stored = Database[dict[str, Any]]
DATABASE = "parley_chaos"
START_SECONDS = 150.0
NO_LIMIT = "100000000/second"


class FleetNotReady(Exception):
    """Raised when a part does not start; the message names it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of each, and how short their leases."""

    webs: int = 2
    workers: int = 3
    lease_seconds: int = 5


class Fleet:
    """All parts, each with its log under `directory`. Start and restart them from the main thread only."""

    def __init__(self, directory: Path, size: Size | None = None, *, more: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.size = size or Size()
        self.token = secrets.token_urlsafe(32)
        directory.mkdir(parents=True, exist_ok=True)
        self._mongod, self._redis = EmbeddedMongod(directory, steady_port()), EmbeddedRedis(steady_port())
        self.redis_proxy = Cutter([self._redis.port])
        self._more = dict(more or {})
        self.ports = [steady_port() for _ in range(self.size.webs)]
        self.mongod, self.redis = Part("mongod", self._mongod, self.note), Part("redis", self._redis, self.note)
        self.webs = [
            self._program(f"web-{number}", GUNICORN, {"PORT": str(port)})
            for number, port in enumerate(self.ports, start=1)
        ]
        self.workers = [self._program(f"worker-{number + 1}", WORKER, {}) for number in range(self.size.workers)]
        lifetimes = random.Random(0)
        # What sockets go through: no connection there lives longer than this.
        self.cutter = Cutter(self.ports, lifetime=lambda: lifetimes.uniform(1.0, 3.0))

    @property
    def parts(self) -> list[Part]:
        return [self.mongod, self.redis, *self.webs, *self.workers]

    @property
    def urls(self) -> list[str]:
        return [f"http://127.0.0.1:{port}" for port in self.ports]

    @property
    def redis_url(self) -> str:
        """Redis itself, past the proxy."""
        return self._redis.uri

    @property
    def stored(self) -> Stored:
        """The database, for looking at from outside; the client waits out a restart."""
        uri = self._mongod.uri
        client: MongoClient[dict[str, Any]] = MongoClient(uri, tz_aware=True, serverSelectionTimeoutMS=60_000)
        return client[DATABASE]

    def holder_of(self, worker: Part) -> str:
        """The end of the name under which its leases stand."""
        return str((self.directory / worker.name).resolve())

    def environment(self, name: str) -> dict[str, str]:
        """The settings of one part, over our own environment."""
        return {
            "MONGODB_URI": self._mongod.uri,
            "MONGODB_DATABASE": DATABASE,
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_proxy.port}/0",
            "BOOTSTRAP_TOKEN": self.token,
            # One each, so that leases tell whose they are.
            "DATA_DIR": str((self.directory / name).resolve()),
            "HOST": "127.0.0.1",
            "PUBLIC_URL": "http://127.0.0.1",
            "WEB_CONCURRENCY": "1",
            "WEB_THREADS": "320",
            "MAX_SOCKETS": "250",
            "MAX_SOCKETS_PER_SESSION": "50",
            "WORKER_THREADS": "2",
            "WHISPER_MODEL": "demo",
            "WHISPER_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            "LEASE_SECONDS": str(self.size.lease_seconds),
            "SWEEP_INTERVAL_SECONDS": "1",
            "RATE_LIMIT": NO_LIMIT,
            "RATE_LIMIT_UPLOADS": NO_LIMIT,
            "RATE_LIMIT_COSTLY": NO_LIMIT,
            "DAILY_BYTES_PER_OWNER": "0",
            "DAILY_AUDIO_MINUTES_PER_OWNER": "0",
            "LOG_FORMAT": "json",
            **self._more,
        }

    def note(self, what: str) -> None:
        """Keep what was done to the parts beside their logs."""
        with (self.directory / "storm.log").open("a") as log:
            log.write(f"{datetime.now(UTC).isoformat()} {what}\n")

    def __enter__(self) -> Self:
        try:
            self.redis_proxy.__enter__()
            self.cutter.__enter__()
            for part in self.parts:
                part.start()
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for part in reversed(self.parts):
            part.stop()
        self.cutter.__exit__()
        self.redis_proxy.__exit__()

    def revive(self) -> list[str]:
        """Start again what has ended, as a supervisor does; the names."""
        ended = [part for part in self.parts if not part.is_running and not part.is_kept_down]
        for part in ended:
            part.start()
        return [part.name for part in ended]

    def heal(self) -> None:
        """Let everything run again."""
        for part in self.parts:
            part.thaw()
            part.is_kept_down = False
        self.redis_proxy.dropped_share = 0.0
        self.revive()

    def wait_until_ready(self) -> None:
        """Return once every listener says ready, which takes a worker with its model loaded."""
        deadline = time.monotonic() + START_SECONDS
        for part, url in zip(self.webs, self.urls, strict=True):
            while not _is_ready(url):
                ended = [each.name for each in self.parts if not each.is_running and not each.is_kept_down]
                if ended or time.monotonic() > deadline:
                    names = ", ".join(ended) or part.name
                    raise FleetNotReady(f"{names} did not come up; the logs of all processes: {self.directory}")
                time.sleep(0.2)

    def usage(self) -> dict[str, Usage]:
        return {part.name: part.usage() for part in self.parts}

    def left_behind(self) -> list[str]:
        """Processes that outlived the part they belonged to."""
        return [f"{part.name}: {description(pid)}" for part in self.parts for pid in part.left_behind()]

    def _program(self, name: str, command: tuple[str, ...], own: Mapping[str, str]) -> Part:
        environment = {**self.environment(name), **own}
        return Part(name, Program(command, environment, self.directory / f"{name}.log"), self.note)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False
