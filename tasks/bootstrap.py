"""Joins settings, storage, broker, services and actors. Web and worker processes both start here."""

from dataclasses import dataclass

import dramatiq
import structlog

from config import Settings
from services.container import Services, build_services
from services.errors import ParleyError
from services.storage.client import MongoDatabase, connect, is_replica_set, transaction_lifetime_seconds
from services.storage.indexes import ensure_indexes
from services.transcribers.build import transcribers_of
from tasks import feedback, transcription, webhooks
from tasks.broker import build_broker
from tasks.queue import DramatiqQueue

log = structlog.get_logger()

# Longer than a lease, and what a worker was about to complete when it was killed waits for this instead.
MOST_LOCKED_SECONDS = 30

STANDALONE = (
    "MONGODB_URI: the server is a standalone mongod, and Parley needs a replica set (one member is enough). Start it "
    "with `mongod --replSet rs0` and run once: mongosh --eval 'rs.initiate()'"
)


class StartError(ParleyError):
    """Raised when a process cannot start; the message says what to do."""


@dataclass(frozen=True)
class Process:
    """What a web or worker process is made of."""

    settings: Settings
    database: MongoDatabase
    broker: dramatiq.Broker
    services: Services


def bootstrap(settings: Settings) -> Process:
    """Connect and join everything; raises `StartError` when the database is not there or not a replica set."""
    if not settings.mongodb_uri:
        raise StartError("MONGODB_URI: is not set. `make run` brings a database of its own; otherwise name one.")
    database = _connected(settings)
    broker = build_broker(settings.redis_url)
    services = build_services(settings, database, DramatiqQueue(broker), *transcribers_of(settings))
    transcription.declare(broker, services)
    feedback.declare(broker, services)
    webhooks.declare(broker, services)
    return Process(settings, database, broker, services)


def _connected(settings: Settings) -> MongoDatabase:
    try:
        database = connect(settings.mongodb_uri, settings.mongodb_database)
        try:
            _prepare(database)
        except ParleyError:
            database.client.close()
            raise
    except StartError:
        raise
    except ParleyError as error:
        raise StartError(f"MONGODB_URI: {error.message}") from error
    return database


def _prepare(database: MongoDatabase) -> None:
    if not is_replica_set(database):
        raise StartError(STANDALONE)
    seconds = transaction_lifetime_seconds(database)
    if seconds is not None and seconds > MOST_LOCKED_SECONDS:
        log.warning("An answer can stay locked that long when a process is killed (README, Upkeep).", seconds=seconds)
    ensure_indexes(database)
