"""Work that is a document of its own, on the same lease machine as answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.document_lease import DocumentLease
from services.errors import LeaseLost, Unavailable, WorkRejected
from services.leases import Attempt, LeasedWork
from services.models import Status
from services.resending import Resending
from services.storage.client import Document, MongoDatabase, connect
from services.storage.expressions import fields
from services.storage.leased_documents import LeasedDocuments, finished, queued
from services.watchdog import Watchdog

HOLDER = "host:/var"
PRICE = "$50 was my budget"


@pytest.fixture
def jobs(database: MongoDatabase) -> LeasedDocuments:
    return LeasedDocuments(database["jobs"], lease_seconds=30)


@pytest.fixture
def job(database: MongoDatabase) -> Callable[[], Document]:
    database["jobs"].update_one({"_id": "job"}, [{"$set": fields(queued())}], upsert=True)

    def read() -> Document:
        found = database["jobs"].find_one({"_id": "job"})
        assert found is not None
        return found

    return read


@pytest.fixture
def age(database: MongoDatabase) -> Callable[[], None]:
    """Let everything that has a time be due."""

    def make_due() -> None:
        past = datetime.now(UTC) - timedelta(minutes=1)
        held = {"lease.expires_at": past} if database["jobs"].find_one({"lease": {"$exists": True}}) else {}
        database["jobs"].update_one({"_id": "job"}, {"$set": {"due": past, **held}, "$unset": {"not_before": ""}})

    return make_due


def lease_of(jobs: LeasedDocuments) -> DocumentLease:
    return DocumentLease(jobs, "job", kind="job", exhausted="It failed several times.", poison="It was cut short.")


def working(max_attempts: int = 2) -> LeasedWork:
    return LeasedWork(Watchdog(lease_seconds=30), holder=HOLDER, max_attempts=max_attempts)


def test_one_of_two_claims_gets_it(jobs: LeasedDocuments, job):
    assert jobs.claim("job", HOLDER, "one") is not None
    assert jobs.claim("job", HOLDER, "two") is None
    assert (job()["status"], job()["attempts"], job()["holder"]) == ("processing", 1, HOLDER)


def test_a_late_worker_changes_nothing(jobs: LeasedDocuments, job, age):
    jobs.claim("job", HOLDER, "late")
    age()
    after = jobs.claim("job", HOLDER, "next")
    assert after is not None
    assert (after["attempts"], after["crashes"]) == (2, 1)
    for write in (jobs.hold, jobs.give_back):
        with pytest.raises(LeaseLost):
            write("job", "late")
    with pytest.raises(LeaseLost):
        jobs.fail("job", "late", code="c", message="m")
    assert job()["lease"]["token"] == "next"


def test_a_text_with_a_dollar_is_stored_as_it_is(jobs: LeasedDocuments, job):
    jobs.claim("job", HOLDER, "one")
    assert jobs.write("job", "one", {**finished(Status.COMPLETED), "said": PRICE})["said"] == PRICE
    assert job()["said"] == PRICE
    assert not {"lease", "due", "holder", "resent"} & job().keys()


def test_what_was_given_back_has_all_its_attempts(jobs: LeasedDocuments, job):
    jobs.claim("job", HOLDER, "one")
    jobs.give_back("job", "one")
    assert (job()["attempts"], job()["status"]) == (0, "queued")
    assert jobs.claim("job", HOLDER, "two") is not None


def test_what_was_put_off_waits(jobs: LeasedDocuments, job):
    jobs.claim("job", HOLDER, "one")
    jobs.put_off("job", "one", 60)
    assert jobs.claim("job", HOLDER, "two") is None
    assert job()["attempts"] == 1
    assert job()["due"] == job()["not_before"]


def test_of_two_sweeps_one_sends_it_and_each_time_later(jobs: LeasedDocuments, job, age):
    sent: list[str] = []
    sweep = Resending(jobs, sent.append, kind="jobs", holder=HOLDER).sweep
    assert sweep() == 0
    age()
    seen = jobs.due(datetime.now(UTC))
    assert [sweep(), sweep()] == [1, 0]
    assert not jobs.postpone(seen[0], 30)
    assert sent == ["job"]
    assert job()["resent"] == 1


def test_a_restart_takes_back_what_the_process_before_it_held(jobs: LeasedDocuments, job):
    jobs.claim("job", HOLDER, "one")
    sent: list[str] = []
    assert Resending(jobs, sent.append, kind="jobs", holder="another").recover_own() == 0
    assert Resending(jobs, sent.append, kind="jobs", holder=HOLDER).recover_own() == 1
    assert (job()["status"], job()["crashes"], sent) == ("queued", 1, ["job"])


def test_work_that_can_never_be_done_ends_at_once(jobs: LeasedDocuments, job):
    def reject(_: Attempt) -> None:
        raise WorkRejected("There is nothing to do.", code="nothing")

    working().work_on(lease_of(jobs), reject)
    assert (job()["status"], job()["attempts"]) == ("failed", 1)
    assert job()["last_error"] == {"code": "nothing", "message": "There is nothing to do."}


def test_work_that_fails_is_tried_again_and_then_ends(jobs: LeasedDocuments, job, age):
    def fail(_: Attempt) -> None:
        raise RuntimeError(PRICE)

    working().work_on(lease_of(jobs), fail)
    assert job()["status"] == "queued"
    age()
    working().work_on(lease_of(jobs), fail)
    assert job()["last_error"] == {"code": "attempts_exhausted", "message": "It failed several times."}


def test_work_that_ended_its_workers_three_times_is_given_up(jobs: LeasedDocuments, job, age):
    for token in "abc":
        jobs.claim("job", HOLDER, token)
        age()
    working().work_on(lease_of(jobs), lambda _: pytest.fail("it was worked on"))
    assert job()["last_error"]["code"] == "poison"


def test_with_no_database_there_every_call_says_so(closed_port: int):
    away = connect(f"mongodb://127.0.0.1:{closed_port}/?directConnection=true", "parley")
    jobs = LeasedDocuments(away["jobs"], lease_seconds=30)
    calls: list[Callable[[], object]] = [
        lambda: jobs.claim("job", HOLDER, "one"),
        lambda: jobs.hold("job", "one"),
        jobs.server_time,
        lambda: jobs.due(datetime.now(UTC)),
        lambda: jobs.release_held_by(HOLDER),
    ]
    for call in calls:
        with pytest.raises(Unavailable):
            call()
    away.client.close()
