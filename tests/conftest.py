"""Real servers, started once per run; an empty database for every test."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from shutil import disk_usage
from tempfile import TemporaryDirectory

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from config import Settings
from scripts.embedded_mongod import EmbeddedMongod, EmbeddedMongodError
from scripts.embedded_redis import EmbeddedRedis, EmbeddedRedisError
from services.access import OWNER
from services.container import Services, build_services
from services.models import Caller
from services.storage.client import MongoDatabase, connect
from services.storage.indexes import ensure_indexes
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.given_redis import empty_database
from tests.stores import Stores, build_stores

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 1024**3


@pytest.fixture(scope="session")
def mongodb_uri() -> Iterator[str]:
    """The replica set of `MONGODB_URI`, or one that is started for this run."""
    given = os.environ.get("MONGODB_URI")
    if given:
        yield given
        return
    try:
        with _data_dir() as data_dir, EmbeddedMongod(data_dir, 0) as mongod:
            yield mongod.uri
    except EmbeddedMongodError as error:
        missing_server(f"no mongod: {error}")


@pytest.fixture(scope="session")
def indexed_database(mongodb_uri: str) -> Iterator[MongoDatabase]:
    """One for the whole run: making its indexes takes 0.3 s, dropping it 0.1 s, emptying it 5 ms."""
    found = connect(mongodb_uri, f"test_{token_hex(8)}")
    ensure_indexes(found)
    yield found
    found.client.drop_database(found.name)
    found.client.close()


@pytest.fixture
def database(indexed_database: MongoDatabase) -> Iterator[MongoDatabase]:
    """Empty for every test."""
    yield indexed_database
    for name in indexed_database.list_collection_names():
        indexed_database[name].delete_many({})


@pytest.fixture
def stores(database: MongoDatabase) -> Stores:
    return build_stores(database)


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """An empty database in the Redis of `REDIS_URL`, or in one that is started for this run."""
    given = os.environ.get("REDIS_URL")
    if given:
        with empty_database(given) as url:
            yield url
        return
    try:
        with EmbeddedRedis() as server:
            yield server.uri
    except EmbeddedRedisError as error:
        missing_server(f"no redis-server: {error}")


@pytest.fixture
def own_redis_url() -> Iterator[str]:
    """A Redis of the test's own, whatever `REDIS_URL` says: for what concerns the whole server."""
    try:
        with EmbeddedRedis() as server:
            yield server.uri
    except EmbeddedRedisError as error:
        missing_server(f"no redis-server: {error}")


@pytest.fixture
def queue() -> RememberingQueue:
    return RememberingQueue()


@pytest.fixture
def transcriber() -> ScriptedTranscriber:
    return ScriptedTranscriber()


@pytest.fixture
def settings() -> Settings:
    """What `services` and `app` are made with; a module that is about other settings has a fixture of its own."""
    return settings_with()


@pytest.fixture
def services(
    settings: Settings, database: MongoDatabase, queue: RememberingQueue, transcriber: ScriptedTranscriber
) -> Iterator[Services]:
    """Every service over the real database; the queue remembers and the transcriber says what it is told."""
    built = build_services(settings, database, queue, lambda: transcriber)
    yield built
    built.live.close()


@pytest.fixture
def owner() -> Caller:
    return OWNER


@pytest.fixture
def app(settings: Settings, services: Services) -> Flask:
    return create_app(settings, services)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def token(services: Services) -> str:
    """The owner's bearer token."""
    created = services.access.ensure_first_token(None)
    assert created is not None
    return created


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of localhost on which nothing answers: bound, but not listened on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@contextmanager
def _data_dir() -> Iterator[Path]:
    """In memory where there is room: a recording is accepted in 4 ms there, in 18 ms on a disk."""
    is_roomy = MEMORY.is_dir() and disk_usage(MEMORY).free > ROOM_BYTES
    with TemporaryDirectory(prefix="parley-test-", dir=MEMORY if is_roomy else None) as directory:
        yield Path(directory)


def missing_server(reason: str) -> None:
    """Fail in CI, where every server must be there; skip at home and say why."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
