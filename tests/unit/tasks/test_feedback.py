"""From the press of Submit to a report, by real workers, the same over both brokers."""

from collections.abc import Iterator

import dramatiq
import pytest
from dramatiq import Worker

from services.container import Services
from services.feedback.report import FeedbackReport
from services.feedback_jobs import FeedbackNotReady
from services.models import Caller, Session, Status
from services.storage.client import MongoDatabase
from tests.factories import questions, recording_of
from tests.processes import wait_until
from tests.stores import Stores


@pytest.fixture
def worker(broker: dramatiq.Broker, process_services: Services) -> Iterator[Worker]:
    worker = Worker(broker, worker_threads=4, worker_timeout=50)
    worker.start()
    yield worker
    worker.stop(timeout=5_000)


@pytest.fixture
def session(process_services: Services, owner: Caller) -> Session:
    return process_services.sessions.start(owner, questions("q1", "q2", "q3"), language=None, details={}).session


def now(services: Services, session: Session) -> Session:
    return services.sessions.get(Caller(session.owner_id), session.id)


def complete(services: Services, session: Session) -> None:
    services.feedback_jobs.complete(now(services, session))
    services.feedback_jobs.send(session.id)


def report_of(services: Services, session: Session) -> FeedbackReport | None:
    try:
        return services.feedback_jobs.report(now(services, session))
    except FeedbackNotReady:
        return None


@pytest.mark.covers("E1-S2.1", "E7-S1.1")
def test_feedback_starts_by_itself_when_the_last_transcript_lands(
    worker: Worker, process_services: Services, session: Session, database: MongoDatabase
):
    for question_id in ("q1", "q2"):
        process_services.answers.accept(session, question_id, recording_of(), "owner")
    complete(process_services, session)
    wait_until(lambda: report_of(process_services, session))
    report = report_of(process_services, session)
    assert report is not None
    assert (report.scored_count, report.unanswered_count, report.is_stale) == (2, 1, False)
    assert database["feedback_reports"].count_documents({}) == 1


def test_many_messages_of_one_job_make_one_report(
    worker: Worker, broker: dramatiq.Broker, process_services: Services, session: Session, database: MongoDatabase
):
    process_services.answers.accept(session, "q1", recording_of(), "owner")
    complete(process_services, session)
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name="feedback", actor_name="give_feedback", args=(session.id,), kwargs={}, options={}
    )
    for _ in range(10):
        broker.enqueue(message.copy())
    wait_until(lambda: report_of(process_services, session))
    broker.join("feedback", timeout=10_000)
    assert database["feedback_reports"].count_documents({}) == 1


def test_a_job_whose_message_is_lost_is_sent_again_by_a_sweep(
    worker: Worker, process_services: Services, session: Session, stores: Stores, database: MongoDatabase
):
    # Begun, and nothing was sent.
    process_services.feedback_jobs.start(now(process_services, session), again_if_failed=True)
    database["feedback_jobs"].update_one({}, [{"$set": {"due": "$$NOW"}}])
    wait_until(lambda: sum(work.sweep() for work in process_services.resending))
    wait_until(lambda: report_of(process_services, session))


def test_stopping_a_worker_gives_its_job_back(
    broker: dramatiq.Broker, process_services: Services, session: Session, monkeypatch, database: MongoDatabase
):
    began: list[str] = []

    def take_long(*_: object) -> None:
        began.append("now")
        wait_until(lambda: False, seconds=60)

    monkeypatch.setattr("services.feedback.rule_based.RuleBasedFeedback.evaluate", take_long)
    worker = Worker(broker, queues={"feedback"}, worker_threads=1, worker_timeout=50)
    worker.start()
    process_services.typed_answers.accept(session, "q1", "I led a team.", "owner")
    complete(process_services, session)
    wait_until(lambda: began)
    worker.stop(timeout=10_000)
    status = process_services.feedback_jobs.status(now(process_services, session))
    assert (status.job.status, status.job.attempts) == (Status.QUEUED, 0)
    assert database["feedback_reports"].count_documents({}) == 0
