"""The broker: in process without `REDIS_URL`, Redis with it."""

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from tasks.middleware import ForgetDeadLetters, InterruptOnce

# A request waits for the queue this long at most: the answer is stored already, and the sweep sends it again.
CONNECT_TIMEOUT_SECONDS = 0.5
READ_TIMEOUT_SECONDS = 1.0
# Dramatiq looks for messages of dead workers once in so many fetches per million. Its default of one in a thousand took
# 251 s to notice a killed worker, this takes its heartbeat timeout.
MAINTENANCE_CHANCE = 1_000_000


def build_broker(redis_url: str | None) -> dramatiq.Broker:
    """Build the broker; nothing is connected by this.

    There is no Retries middleware: an answer's attempts are counted where its state is, in MongoDB.
    """
    middleware: list[dramatiq.Middleware] = [TimeLimit(), InterruptOnce()]
    if redis_url is None:
        return StubBroker(middleware=[*middleware, ForgetDeadLetters()])
    client = redis.Redis.from_url(
        redis_url,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=READ_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisBroker(  # type: ignore[no-untyped-call]
        client=client, namespace="parley", maintenance_chance=MAINTENANCE_CHANCE, middleware=middleware
    )
