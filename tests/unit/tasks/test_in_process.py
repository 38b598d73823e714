import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services.container import Services, build_services
from services.errors import TranscriberUnavailable
from services.models import Caller, Session
from services.storage.client import MongoDatabase
from services.transcribers import Transcriber
from tasks import transcription
from tasks.bootstrap import Process
from tasks.broker import build_broker
from tasks.in_process import InProcessWorker
from tasks.queue import TRANSCRIPTION_QUEUE, DramatiqQueue
from tasks.upkeep import Upkeep
from tests.factories import questions, recording_of, settings_with, wav_of
from tests.fakes import ScriptedTranscriber
from tests.processes import wait_until
from tests.stores import Stores


class Model:
    """Builds a transcriber when it is allowed to, or fails."""

    def __init__(self) -> None:
        self.transcriber = ScriptedTranscriber()
        self.may_load = threading.Event()
        self.may_load.set()
        self.error: Exception | None = None

    def build(self) -> Transcriber:
        assert self.may_load.wait(timeout=20)
        if self.error is not None:
            raise self.error
        return self.transcriber


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
def process(database: MongoDatabase, model: Model) -> Iterator[Process]:
    settings = settings_with(sweep_interval_seconds=3600)
    broker = build_broker(None)
    services = build_services(settings, database, DramatiqQueue(broker), model.build)
    transcription.declare(broker, services)
    yield Process(settings, database, broker, services)
    services.live.close()


@pytest.fixture
def services(process: Process) -> Services:
    return process.services


@pytest.fixture
def worker(process: Process) -> Iterator[InProcessWorker]:
    worker = InProcessWorker(process)
    yield worker
    worker.stop()


@pytest.fixture
def session(services: Services, owner: Caller) -> Session:
    return services.sessions.start(owner, questions("q1"), language=None, details={}).session


def answer_of(stores: Stores, session: Session) -> dict[str, Any]:
    found: dict[str, Any] = stores.session(session.id)["answers"]["q1"]
    return found


def is_completed(stores: Stores, session: Session) -> bool:
    return bool(answer_of(stores, session)["transcription_status"] == "completed")


def test_what_is_uploaded_while_the_model_loads_is_transcribed_once_it_has(worker, services, session, stores, model):
    model.may_load.clear()
    worker.start()
    services.answers.accept(session, "q1", recording_of(), "owner")
    assert services.health.readiness().status == "starting"
    model.may_load.set()
    wait_until(lambda: is_completed(stores, session))
    assert services.health.readiness().status == "ready"
    assert answer_of(stores, session)["crashes"] == 0
    assert answer_of(stores, session)["attempts"] == 1


def test_the_recovery_at_the_start_takes_nothing_from_the_new_worker(process, services, session, stores, monkeypatch):
    """The holder has the same name as before the restart: recovery must be over when work begins."""
    order = []
    recover: Callable[[], int] = services.recovery.recover_own
    start = process.broker.emit_after

    def noted_recovery() -> int:
        order.append("recovered")
        return recover()

    def noted(signal: str, *args: Any, **kwargs: Any) -> None:
        if signal == "worker_boot" and args[0].consumer_whitelist == {TRANSCRIPTION_QUEUE}:
            order.append("worker started")
        start(signal, *args, **kwargs)

    monkeypatch.setattr(services.recovery, "recover_own", noted_recovery)
    monkeypatch.setattr(process.broker, "emit_after", noted)
    worker = InProcessWorker(process)
    worker.start()
    wait_until(lambda: len(order) == 2)
    worker.stop()
    assert order == ["recovered", "worker started"]


def test_what_was_interrupted_by_a_crash_is_taken_up_at_the_next_start(worker, process, session, stores: Stores):
    ref = stores.accept(session.id)
    claim = stores.claim(ref, process.settings.holder)
    file_id = stores.audio.save(recording_of(), ref, "owner")
    stores.database["interview_sessions"].update_one({}, {"$set": {"answers.q1.gridfs_file_id": file_id}})
    worker.start()
    wait_until(lambda: is_completed(stores, session))
    assert answer_of(stores, session)["crashes"] == 1
    assert claim.crashes == 0


def test_stopping_while_transcribing_gives_the_answer_back(worker, services, session, stores: Stores, model: Model):
    model.transcriber.windows = 1000
    worker.start()
    services.answers.accept(session, "q1", recording_of(wav_of(0.5)), "owner")
    wait_until(lambda: (answer_of(stores, session).get("progress") or {}).get("windows_done"))
    worker.stop()
    answer = answer_of(stores, session)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)
    assert services.health.worker().state == "missing"
    stores.check(session.id)


@pytest.mark.covers("N-parallel")
def test_two_answers_are_worked_on_at_once(worker, services, session, stores: Stores, owner: Caller, model: Model):
    together = threading.Barrier(2)

    def wait_for_the_other(_: int) -> None:
        together.wait(timeout=20)

    model.transcriber.before_window = wait_for_the_other
    other = services.sessions.start(owner, questions("q1"), language=None, details={}).session
    for each in (session, other):
        services.answers.accept(each, "q1", recording_of(wav_of(0.5)), "owner")
    worker.start()
    wait_until(lambda: is_completed(stores, session) and is_completed(stores, other))
    assert answer_of(stores, session)["attempts"] == answer_of(stores, other)["attempts"] == 1


def test_stopping_twice_or_before_the_start_is_fine(process: Process):
    worker = InProcessWorker(process)
    worker.start()
    worker.stop()
    worker.stop()


def test_a_stop_while_the_model_loads_leaves_no_worker_behind(process: Process, model: Model):
    model.may_load.clear()
    before = threading.active_count()
    worker = InProcessWorker(process)
    worker.start()
    worker.stop()
    model.may_load.set()
    wait_until(lambda: threading.active_count() <= before)


@pytest.mark.parametrize("error", [TranscriberUnavailable("There is no such model."), RuntimeError("CUDA")])
def test_a_model_that_cannot_be_loaded_is_told_by_readiness_and_answers_wait(
    worker, services, session, stores, model, error
):
    model.error = error
    worker.start()
    wait_until(lambda: services.health.readiness().status == "failed")
    services.answers.accept(session, "q1", recording_of(), "owner")
    assert answer_of(stores, session)["transcription_status"] == "queued"


def test_sweeps_go_on_after_one_that_failed(process: Process, monkeypatch: pytest.MonkeyPatch):
    sweeps = []

    def sweep() -> int:
        sweeps.append(1)
        raise [RuntimeError("a defect"), TranscriberUnavailable("away")][len(sweeps) % 2]

    monkeypatch.setattr(process.services.recovery, "sweep", sweep)
    process.services.transcriber.load()
    upkeep = Upkeep(process.services, worker_id="one", interval_seconds=0.01)
    upkeep.start()
    try:
        wait_until(lambda: len(sweeps) >= 3)
    finally:
        upkeep.stop()
