from datetime import UTC, datetime, timedelta

import pymongo
import pytest

from services.errors import TranscriberUnavailable
from services.health import Health
from services.storage.client import connect
from services.storage.workers import GONE_AFTER_SECONDS, WorkerStore
from services.transcribers import Transcriber
from services.transcribers.loader import TranscriberLoader
from tests.fakes import ScriptedTranscriber


def refused() -> Transcriber:
    raise TranscriberUnavailable("Name another model in WHISPER_MODEL.")


@pytest.fixture
def loader() -> TranscriberLoader:
    return TranscriberLoader(ScriptedTranscriber)


@pytest.fixture
def health(database, loader) -> Health:
    return Health(database, WorkerStore(database), loader)


def test_without_a_worker_it_is_starting_and_says_so(health: Health):
    readiness = health.readiness()
    assert (readiness.status, readiness.mongodb, readiness.worker.state) == ("starting", "ok", "missing")


def test_a_worker_is_loading_and_then_ready(health: Health, loader: TranscriberLoader):
    health.beat("one")
    assert (health.readiness().status, health.worker().state) == ("starting", "loading")
    loader.load()
    health.beat("one")
    assert health.readiness().status == "ready"
    assert (health.worker().whisper_model, health.worker().demo_model) == ("scripted", True)


def test_a_model_that_cannot_be_loaded_is_told(database):
    loader = TranscriberLoader(refused)
    health = Health(database, WorkerStore(database), loader)
    with pytest.raises(TranscriberUnavailable):
        loader.load()
    health.beat("one")
    readiness = health.readiness()
    assert readiness.status == "failed"
    assert readiness.worker.detail == "Name another model in WHISPER_MODEL."


def test_one_ready_worker_is_enough(database, health: Health, loader: TranscriberLoader):
    broken = Health(database, WorkerStore(database), TranscriberLoader(refused))
    loader.load()
    health.beat("ready")
    broken.beat("later and loading")
    assert health.readiness().status == "ready"


def test_a_worker_that_is_silent_is_gone(database, health: Health, loader: TranscriberLoader):
    loader.load()
    health.beat("one")
    silent = datetime.now(UTC) - timedelta(seconds=GONE_AFTER_SECONDS + 1)
    database["workers"].update_one({}, {"$set": {"seen_at": silent}})
    assert health.worker().state == "missing"


def test_a_worker_that_leaves_is_gone(health: Health):
    health.beat("one")
    health.leave("one")
    assert health.worker().state == "missing"


def test_with_the_database_away_it_fails_and_says_so(loader: TranscriberLoader, closed_port: int):
    database = connect(f"mongodb://127.0.0.1:{closed_port}", "parley")
    with database.client, pymongo.timeout(0.1):
        readiness = Health(database, WorkerStore(database), loader).readiness()
    assert (readiness.status, readiness.mongodb) == ("failed", "The database does not answer at the moment.")
