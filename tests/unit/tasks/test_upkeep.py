from services.container import Services
from tasks.upkeep import Upkeep
from tests.fakes import RememberingQueue
from tests.processes import wait_until
from tests.stores import Stores


def test_a_worker_that_starts_sends_at_once_what_was_lost(services: Services, stores: Stores, queue: RememberingQueue):
    ref = stores.accept(stores.start("q1"))
    stores.make_due(ref)
    services.transcriber.load()
    upkeep = Upkeep(services, worker_id="one", interval_seconds=3600)
    upkeep.start()
    wait_until(lambda: queue.sent == [ref])
    upkeep.stop()


def test_without_a_model_nothing_is_sent_since_nobody_would_take_it(
    services: Services, stores: Stores, queue: RememberingQueue
):
    stores.make_due(stores.accept(stores.start("q1")))
    Upkeep(services, worker_id="one", interval_seconds=3600)._sweep()
    assert queue.sent == []
