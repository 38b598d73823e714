from collections.abc import Iterator
from functools import partial

import dramatiq
import pytest
from dramatiq.brokers.redis import RedisBroker

from services.container import Services, build_services
from services.storage.client import MongoDatabase
from tasks import feedback, transcription
from tasks.broker import build_broker
from tasks.queue import DramatiqQueue
from tests.factories import settings_with
from tests.fakes import ScriptedTranscriber


@pytest.fixture(params=["in process", pytest.param("redis", marks=pytest.mark.redis)])
def broker(request: pytest.FixtureRequest) -> Iterator[dramatiq.Broker]:
    """Each of the two brokers, empty."""
    if request.param == "in process":
        yield build_broker(None)
        return
    broker = build_broker(request.getfixturevalue("redis_url"))
    assert isinstance(broker, RedisBroker)
    yield broker
    for key in broker.client.scan_iter("parley:*"):
        broker.client.delete(key)
    broker.close()
    broker.client.close()


@pytest.fixture
def process_services(
    database: MongoDatabase, broker: dramatiq.Broker, transcriber: ScriptedTranscriber
) -> Iterator[Services]:
    """Every service over the real database and a real broker, with its actors."""
    built = build_services(settings_with(), database, DramatiqQueue(broker), partial(_the, transcriber))
    transcription.declare(broker, built)
    feedback.declare(broker, built)
    yield built
    built.live.close()


def _the(transcriber: ScriptedTranscriber) -> ScriptedTranscriber:
    return transcriber
