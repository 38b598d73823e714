"""From an accepted recording to its transcript, the same over both brokers."""

from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq import Worker

from services.container import Services
from services.models import Caller, Session, Status
from tests.factories import questions, recording_of, wav_of
from tests.fakes import ScriptedTranscriber
from tests.processes import wait_until
from tests.stores import Stores


@pytest.fixture
def worker(broker: dramatiq.Broker, process_services: Services) -> Iterator[Worker]:
    worker = Worker(broker, worker_threads=2, worker_timeout=50)
    worker.start()
    yield worker
    worker.stop(timeout=5_000)


@pytest.fixture
def session(process_services: Services, owner: Caller) -> Session:
    return process_services.sessions.start(owner, questions("q1", "q2"), language=None, details={}).session


def status_of(services: Services, session: Session, question_id: str = "q1") -> Status:
    caller = Caller(session.owner_id)
    return services.answers.status(services.sessions.get(caller, session.id), question_id).status


def test_an_accepted_recording_is_transcribed_and_its_audio_goes(worker, process_services, session, stores: Stores):
    for question_id in ("q1", "q2"):
        process_services.answers.accept(session, question_id, recording_of(), "owner")
    wait_until(lambda: status_of(process_services, session, "q1") is Status.COMPLETED)
    wait_until(lambda: status_of(process_services, session, "q2") is Status.COMPLETED)
    wait_until(lambda: stores.files() == 0)
    stores.check(session.id)


def test_a_message_that_comes_twice_has_one_effect(worker, broker, process_services, session, stores, transcriber):
    receipt = process_services.answers.accept(session, "q1", recording_of(), "owner")
    for _ in range(3):
        broker.enqueue(message_for(session.id, "q1", receipt.answer_id))
    wait_until(lambda: status_of(process_services, session) is Status.COMPLETED)
    broker.join("transcription", timeout=10_000)
    assert len(transcriber.languages) == 1
    stores.check(session.id)


def test_a_recording_that_cannot_be_heard_fails_and_the_next_one_is_heard(worker, process_services, session, stores):
    process_services.answers.accept(session, "q1", recording_of(b"RIFF no audio"), "owner")
    process_services.answers.accept(session, "q2", recording_of(), "owner")
    wait_until(lambda: status_of(process_services, session, "q1") is Status.FAILED)
    wait_until(lambda: status_of(process_services, session, "q2") is Status.COMPLETED)
    stores.check(session.id)


def test_an_answer_whose_message_is_lost_is_sent_again_by_a_sweep(worker, broker, process_services, session, stores):
    ref = stores.accept(session.id)  # queued, and nothing was sent
    stores.make_due(ref)
    assert process_services.recovery.sweep() == 1
    wait_until(lambda: status_of(process_services, session).is_terminal)


def test_stopping_a_worker_gives_its_answer_back(
    broker, process_services, session, stores: Stores, transcriber: ScriptedTranscriber
):
    transcriber.windows = 1000
    worker = Worker(broker, worker_threads=1, worker_timeout=50)
    worker.start()
    process_services.answers.accept(session, "q1", recording_of(wav_of(0.5)), "owner")
    wait_until(lambda: (stores.session(session.id)["answers"]["q1"].get("progress") or {}).get("windows_done"))
    worker.stop(timeout=10_000)
    answer = stores.session(session.id)["answers"]["q1"]
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)
    stores.check(session.id)


def message_for(*args: str) -> dramatiq.Message[None]:
    return dramatiq.Message(
        queue_name="transcription", actor_name="transcribe_answer", args=args, kwargs={}, options={}
    )
