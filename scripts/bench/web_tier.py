"""A web tier of its own to measure: with Redis and without a worker, so that nothing is transcribed meanwhile."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.bench.machine import describe_machine
from scripts.embedded_redis import EmbeddedRedis
from scripts.started_service import StartedService

UNLIMITED = {
    **dict.fromkeys(("RATE_LIMIT", "RATE_LIMIT_UPLOADS", "RATE_LIMIT_COSTLY"), "100000/second"),
    "DAILY_BYTES_PER_OWNER": "0",
    "DAILY_AUDIO_MINUTES_PER_OWNER": "0",
}


@contextmanager
def started_web_tier() -> Iterator[StartedService]:
    """One that is ready, without limits; says first which machine this is and what it is busy with."""
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as directory, EmbeddedRedis() as redis:
        settings = {"REDIS_URL": redis.uri, "LOG_LEVEL": "WARNING", **UNLIMITED}
        with StartedService(Path(directory), settings) as service:
            service.wait_until_ready(needs_worker=False)
            for line in describe_machine(service.mongodb_uri):
                print(line, flush=True)
            yield service
