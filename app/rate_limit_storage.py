"""Where the counters of the rate limits are: in Redis, or in this process without it and while it does not answer."""

import threading
from typing import Any

import redis
from limits.storage import RedisStorage
from redis.backoff import NoBackoff
from redis.retry import Retry

SCHEME = "parley+redis"
KEY_PREFIX = "parley-limits"
CONNECT_TIMEOUT_SECONDS = 0.5
READ_TIMEOUT_SECONDS = 0.5
# A Redis that is back answers within this; nobody waits longer for one that is not.
PROBE_SECONDS = 0.05


class ProbedRedis(RedisStorage):
    """limits' Redis, asked whether it is back without a request having to wait for the answer.

    Flask-Limiter asks when it changes to memory and then after 1, 2, 4 … 32 seconds, each time inside a request: a
    Redis that hangs would hold that request for another second.
    """

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 (as limits has it)

    def check(self) -> bool:
        """Whether it answers a ping at once."""
        answers: list[bool] = []
        probe = threading.Thread(target=lambda: answers.append(super(ProbedRedis, self).check()), daemon=True)
        probe.start()
        probe.join(PROBE_SECONDS)
        return answers == [True]


def storage_options(redis_url: str | None) -> dict[str, Any]:
    """What `Limiter` has to be told; nothing is connected by this."""
    if redis_url is None:
        return {"storage_uri": "memory://"}
    pool = redis.ConnectionPool.from_url(
        redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=READ_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return {
        "storage_uri": f"{SCHEME}://",
        "storage_options": {"connection_pool": pool, "key_prefix": KEY_PREFIX},
        "in_memory_fallback_enabled": True,
    }
