import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import ShutdownNotifications

from services.errors import Unavailable
from services.models import AnswerRef
from tasks.broker import build_broker
from tasks.middleware import ForgetDeadLetters
from tasks.queue import DramatiqQueue

REF = AnswerRef("s", "q1", "a")


def kinds(broker: dramatiq.Broker) -> set[type]:
    return {type(each) for each in broker.middleware}


def test_without_redis_the_broker_is_in_process_and_forgets_dead_letters():
    broker = build_broker(None)
    assert isinstance(broker, StubBroker)
    assert ForgetDeadLetters in kinds(broker)


def test_with_redis_the_broker_is_redis_and_nothing_is_connected_yet(closed_port: int):
    broker = build_broker(f"redis://127.0.0.1:{closed_port}/0")
    assert isinstance(broker, RedisBroker)


@pytest.mark.parametrize("redis_url", [None, "redis://127.0.0.1:1/0"])
def test_a_stop_interrupts_and_nothing_is_retried_but_by_the_database(redis_url):
    found = kinds(build_broker(redis_url))
    assert any(issubclass(kind, ShutdownNotifications) for kind in found)
    assert "Retries" not in {kind.__name__ for kind in found}


def test_a_queue_that_is_not_there_is_unavailable(closed_port: int):
    queue = DramatiqQueue(build_broker(f"redis://127.0.0.1:{closed_port}/0"))
    with pytest.raises(Unavailable) as unavailable:
        queue.transcribe_answer(REF)
    assert str(closed_port) not in unavailable.value.message


@pytest.mark.redis
def test_a_queue_that_is_full_is_unavailable(own_redis_url: str):
    # What Redis answers when it may store nothing more, too: an error, not a lost connection.
    broker = build_broker(own_redis_url)
    assert isinstance(broker, RedisBroker)
    queue = DramatiqQueue(broker)
    with redis.Redis.from_url(own_redis_url) as admin:
        admin.config_set("maxmemory-policy", "noeviction")
        admin.config_set("maxmemory", "1")
        with pytest.raises(Unavailable):
            queue.transcribe_answer(REF)
    broker.client.close()


def test_a_message_carries_ids_and_nothing_else():
    broker = build_broker(None)
    DramatiqQueue(broker).transcribe_answer(REF)
    assert isinstance(broker, StubBroker)
    message = dramatiq.Message.decode(broker.queues["transcription"].get_nowait())
    assert (message.actor_name, list(message.args), message.kwargs) == ("transcribe_answer", ["s", "q1", "a"], {})
