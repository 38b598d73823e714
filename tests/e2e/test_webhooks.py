"""Workers as they really run, killed while they deliver: what was on its way arrives, under the same id."""

from collections.abc import Iterator

import httpx
import pytest
from standardwebhooks import Webhook as Verifier

from tests.e2e.candidate import Candidate
from tests.e2e.product import Product
from tests.e2e.stored import place_for_a_product
from tests.e2e.worker import WorkerProcess
from tests.processes import wait_until
from tests.webhook_receiver import Receiver

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.covers("Q-webhooks")]

START_SECONDS = 90
# The lease of a delivery is 20 s, and the sweep comes every second.
LEASE_SECONDS = 60


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


def test_a_worker_killed_in_the_middle_of_a_delivery_loses_none(
    tmp_path, redis_url, demo_model, spoken, receiver: Receiver
) -> None:
    settings = {
        "REDIS_URL": redis_url,
        "LEASE_SECONDS": "5",
        "SWEEP_INTERVAL_SECONDS": "1",
        "WEBHOOK_ALLOWED_HOSTS": "127.0.0.1",
        "WHISPER_MODEL": str(demo_model),
    }
    with (
        place_for_a_product() as place,
        Product(tmp_path / "var", **place.settings, **settings) as product,
        product.wait_until_ready() as client,
    ):
        secret = added(client, receiver)
        environment = product.environment | {"MONGODB_URI": place.mongodb_uri}
        receiver.behave = receiver.hang
        with WorkerProcess(tmp_path / "first.out", environment) as worker:
            candidate = Candidate.start(client, ["q1", "q2"])
            candidate.upload("q1", spoken[".webm"].name, spoken[".webm"].content)
            wait_until(lambda: receiver.received, START_SECONDS)
            worker.kill()
        assert len(receiver.received) == 1
        receiver.released.set()

        with WorkerProcess(tmp_path / "second.out", environment):
            wait_until(lambda: len(receiver.received) == 2, START_SECONDS + LEASE_SECONDS)
            first, again = receiver.received
            assert (first.id, first.body) == (again.id, again.body)
            told = Verifier(secret).verify(again.body, again.headers)
            assert told["type"] == "answer.transcribed"
            assert told["data"]["session_id"] == candidate.session_id
            wait_until(lambda: delivery(client)["status"] == "completed")
        assert delivery(client)["attempts"] == 2


def added(client: httpx.Client, receiver: Receiver) -> str:
    reply = client.post("/api/webhooks", json={"url": receiver.url()})
    assert reply.status_code == 201, reply.text
    secret: str = reply.json()["secret"]
    return secret


def delivery(client: httpx.Client) -> dict[str, object]:
    (webhook,) = client.get("/api/webhooks").json()["webhooks"]
    (found,) = client.get(f"/api/webhooks/{webhook['id']}/deliveries").json()["deliveries"]
    return dict(found)
