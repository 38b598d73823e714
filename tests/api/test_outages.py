"""Uploads while MongoDB or Redis hangs: an answer in time, and everything well again by itself."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app import create_app
from scripts.embedded_mongod import EmbeddedMongod, EmbeddedMongodError
from scripts.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from services.container import Services, build_services
from services.storage.client import connect
from services.storage.indexes import ensure_indexes
from tasks.broker import build_broker
from tasks.queue import DramatiqQueue
from tests.api.conftest import Interview, assert_problem, audio, start_interview
from tests.conftest import missing_server
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.processes import wait_until
from tests.stores import build_stores

# Twice the bars of `make prove`, for a busy machine: nobody waits for a server's own time-out.
MONGODB_SECONDS = 7.0
REDIS_SECONDS = 4.0


@contextmanager
def stopped(pid: int | None) -> Iterator[None]:
    """A server that hangs: it takes connections and says nothing."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    try:
        with EmbeddedMongod(tmp_path / "mongod", 0) as server:
            yield server
    except EmbeddedMongodError as error:
        missing_server(f"no mongod: {error}")


def test_with_a_database_that_hangs_uploads_are_refused_in_time_and_taken_again_afterwards(
    mongod: EmbeddedMongod,
) -> None:
    database = connect(mongod.uri, "parley")
    ensure_indexes(database)
    services = build_services(settings_with(), database, RememberingQueue(), ScriptedTranscriber)
    client = create_app(settings_with(), services).test_client()
    token = services.access.ensure_first_token(None)
    assert token is not None
    interview = start_interview(client, token)
    upload = partial(client.post, interview.upload_path(), headers={**interview.candidate, "Idempotency-Key": "k"})
    with stopped(mongod.pid):
        for _ in range(2):
            began = time.monotonic()
            refused = upload(data=audio())
            seconds = time.monotonic() - began
            assert_problem(refused, 503)
            assert refused.headers["Retry-After"]
            assert seconds < MONGODB_SECONDS
    wait_until(lambda: upload(data=audio()).status_code == 202)
    build_stores(database).check(interview.id)
    services.live.close()
    database.client.close()


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    try:
        with EmbeddedRedis() as server:
            yield server
    except EmbeddedRedisError as error:
        missing_server(f"no redis-server: {error}")


@pytest.fixture
def with_redis(redis: EmbeddedRedis, services: Services, database) -> Iterator[FlaskClient]:
    """A client of an app whose queue and limits are in a Redis of the test's own."""
    settings = settings_with(redis_url=redis.uri)
    broker = build_broker(redis.uri)
    built = build_services(settings, database, DramatiqQueue(broker), ScriptedTranscriber)
    yield create_app(settings, built).test_client()
    built.live.close()
    broker.close()


def test_with_a_redis_that_hangs_uploads_are_taken_all_the_same(
    redis: EmbeddedRedis, with_redis: FlaskClient, interview: Interview
) -> None:
    with stopped(redis.pid):
        for question_id in ("q1", "q2", "q1"):
            began = time.monotonic()
            accepted = with_redis.post(interview.upload_path(question_id), data=audio(), headers=interview.candidate)
            assert accepted.status_code == 202
            assert time.monotonic() - began < REDIS_SECONDS


def test_with_no_redis_uploads_are_taken_all_the_same(
    redis: EmbeddedRedis, with_redis: FlaskClient, interview: Interview
) -> None:
    redis.stop()
    for question_id in ("q1", "q2", "q1"):
        began = time.monotonic()
        accepted = with_redis.post(interview.upload_path(question_id), data=audio(), headers=interview.candidate)
        assert accepted.status_code == 202
        assert time.monotonic() - began < REDIS_SECONDS
