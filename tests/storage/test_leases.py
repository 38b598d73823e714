"""The lease machine on documents of their own and on parts of one; answers add what belongs to answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import ReturnDocument

from services.storage.client import MongoDatabase
from services.storage.expressions import fields, seconds_from_now
from services.storage.leases import Leased

PLACES = {"a document of its own": Leased(), "a part": Leased("jobs.q1", status_field="state")}


@dataclass(frozen=True)
class Job:
    """One piece of work in the database; changes are made as a store makes them."""

    database: MongoDatabase
    leased: Leased

    def at(self, name: str) -> str:
        return f"{self.leased.path}.{name}" if self.leased.path else name

    def change(self, where: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any] | None:
        """The job afterwards; None where the filter did not hold."""
        pipeline = [{"$set": {self.at(name): value for name, value in fields(changed).items()}}]
        after: dict[str, Any] | None = self.database["interview_sessions"].find_one_and_update(
            {"_id": "job", **where}, pipeline, return_document=ReturnDocument.AFTER
        )
        for part in self.leased.path.split(".") if after and self.leased.path else []:
            assert after is not None
            after = after[part]
        return after

    def claim(self, token: str, seconds: float = 60) -> dict[str, Any] | None:
        return self.change(self.leased.is_free(), self.leased.claimed(token, "holder", seconds))

    def age(self) -> None:
        past = datetime.now(UTC) - timedelta(seconds=1)
        self.change({}, {"lease.expires_at": past})


@pytest.fixture(params=PLACES.values(), ids=list(PLACES))
def job(database: MongoDatabase, request: pytest.FixtureRequest) -> Job:
    found = Job(database, request.param)
    # The link is what the collection's unique index asks for.
    database["interview_sessions"].insert_one({"_id": "job", "link": {"token_hash": "job"}})
    found.change({}, {found.leased.status_field: "queued"})
    return found


def test_one_of_two_claims_gets_the_work_and_counts_an_attempt(job: Job):
    first = job.claim("one")
    assert first is not None
    assert (first["attempts"], first["crashes"], first["lease"]["token"]) == (1, 0, "one")
    assert first["lease"]["expires_at"] - first["started_at"] == timedelta(seconds=60)
    assert job.claim("two") is None


def test_a_claim_of_an_expired_lease_counts_a_crash_and_fences_the_first(job: Job):
    job.claim("one")
    job.age()
    again = job.claim("two")
    assert again is not None
    assert (again["attempts"], again["crashes"]) == (2, 1)
    assert job.change(job.leased.is_held("one"), {"result": "late"}) is None
    assert job.change(job.leased.is_held("two"), {"result": "right"}) is not None


def test_a_lease_that_was_renewed_is_not_free(job: Job):
    job.claim("one")
    job.age()
    assert job.change(job.leased.is_held("one"), job.leased.renewed(60)) is not None
    assert job.claim("two") is None


@pytest.mark.parametrize(("gives_back", "attempts"), [(True, 0), (False, 1)])
def test_released_work_is_free_when_it_is_due_and_has_no_lease(job: Job, gives_back, attempts):
    job.claim("one")
    released = job.leased.released(seconds_from_now(600), gives_attempt_back=gives_back)
    after = job.change(job.leased.is_held("one"), released)
    assert after is not None
    assert (after["attempts"], after["crashes"], "lease" in after) == (attempts, 0, False)
    assert job.claim("two") is None
    job.change({}, {"not_before": datetime.now(UTC) - timedelta(seconds=1)})
    claimed = job.claim("two")
    assert claimed is not None
    assert "not_before" not in claimed


def test_work_whose_holder_is_gone_is_free_at_once_and_counts_a_crash(job: Job):
    job.claim("one")
    job.change({}, job.leased.abandoned())
    again = job.claim("two")
    assert again is not None
    assert (again["attempts"], again["crashes"]) == (2, 1)


def test_nothing_else_of_the_document_is_touched(job: Job):
    before = job.database["interview_sessions"].find_one({"_id": "job"})
    job.claim("one")
    job.change(job.leased.is_held("one"), job.leased.released(seconds_from_now(0), gives_attempt_back=True))
    after = job.database["interview_sessions"].find_one({"_id": "job"})
    assert before is not None
    assert after is not None
    outermost = job.leased.path.partition(".")[0]
    own = {outermost} if outermost else {"attempts", "crashes", "lease", "not_before", "started_at"}
    assert {name: value for name, value in after.items() if name not in own} == {
        name: value for name, value in before.items() if name not in own
    }
