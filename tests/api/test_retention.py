"""Owners choose how long what is theirs is kept; what is over is erased, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from config import Settings
from services.access import OWNER
from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from services.storage.retention_rules import OldSessionStore
from tests.api.conftest import Interview, assert_problem, audio, bearer, start_interview
from tests.factories import settings_with
from tests.fakes import RememberingQueue

PATH = "/api/retention"


def rule(days: int | None = None, hours: int | None = None) -> dict[str, Any]:
    return {"transcript_days": days, "failed_audio_hours": hours}


def age(database: MongoDatabase, session_id: str, days: float, *, created_days: float | None = None) -> None:
    """Let the last change of a session be so long ago."""
    now = datetime.now(UTC)
    changed = {"updated_at": now - timedelta(days=days), "created_at": now - timedelta(days=created_days or days)}
    database["interview_sessions"].update_one({"_id": session_id}, {"$set": changed})


def sessions(database: MongoDatabase) -> set[str]:
    return {each["_id"] for each in database["interview_sessions"].find({}, {"_id": 1})}


@pytest.mark.covers("Q-retention")
def test_an_owner_chooses_how_long_what_is_theirs_is_kept(client: FlaskClient, token: str) -> None:
    limits = {"max_transcript_days": None, "max_failed_audio_hours": 168}
    assert client.get(PATH, headers=bearer(token)).get_json() == {**rule(), **limits}
    for chosen in (rule(30, 24), rule(1, 0), rule()):
        assert client.put(PATH, json=chosen, headers=bearer(token)).get_json() == {**chosen, **limits}
        assert client.get(PATH, headers=bearer(token)).get_json() == {**chosen, **limits}


@pytest.mark.covers("Q-retention", "Q-erasure")
def test_what_is_older_than_its_owner_wants_is_erased_and_nothing_else(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, queue: RememberingQueue
) -> None:
    old, changed, young, job = (start_interview(client, token) for _ in range(4))
    waiting = start_interview(client, token)
    client.post(old.upload_path(), data=audio(), headers=old.candidate)
    services.transcription.transcribe(queue.sent[-1])
    client.post(waiting.upload_path(), data=audio(), headers=waiting.candidate)
    others = start_interview(client, services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    for each in (old, job, waiting, others):
        age(database, each.id, 31)
    age(database, changed.id, 2, created_days=100)
    assert services.expiry.sweep() == 0
    client.put(PATH, json=rule(30), headers=bearer(token))
    assert services.expiry.sweep() == 2
    assert sessions(database) == {changed.id, young.id, waiting.id, others.id}
    assert database["transcripts"].count_documents({"session_id": old.id}) == 0
    rows = list(database["audit"].find({"action": "session.erase"}))
    assert [row["actor_id"] for row in rows] == ["retention", "retention"]
    assert services.expiry.sweep() == 0


@pytest.mark.covers("Q-retention")
def test_what_is_answered_while_it_is_looked_for_is_kept(
    client: FlaskClient,
    token: str,
    services: Services,
    queue: RememberingQueue,
    database: MongoDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = start_interview(client, token)
    age(database, old.id, 31)
    client.put(PATH, json=rule(30), headers=bearer(token))
    found = OldSessionStore.unchanged_since

    def and_then_it_is_answered(*args: Any, **options: Any) -> Any:
        over = found(*args, **options)
        assert client.post(old.upload_path(), data=audio(), headers=old.candidate).status_code == 202
        services.transcription.transcribe(queue.sent[-1])
        return over

    monkeypatch.setattr(OldSessionStore, "unchanged_since", and_then_it_is_answered)
    assert services.expiry.sweep() == 0
    assert sessions(database) == {old.id}
    assert database["erasures"].count_documents({}) == 0


@pytest.mark.covers("Q-retention")
def test_jobs_are_kept_no_longer_than_interviews(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, queue: RememberingQueue
) -> None:
    job_id = client.post("/api/transcribe", data=audio(), headers=bearer(token)).get_json()["job_id"]
    services.transcription.transcribe(queue.sent[-1])
    client.put(PATH, json=rule(1), headers=bearer(token))
    assert services.expiry.sweep() == 0
    age(database, job_id, 1.01)
    assert services.expiry.sweep() == 1
    assert sessions(database) == set()


def test_a_sweep_erases_some_at_a_time_and_goes_on_at_once(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.expiry.ERASED_AT_ONCE", 2)
    for _ in range(5):
        age(database, start_interview(client, token).id, 10)
    client.put(PATH, json=rule(5), headers=bearer(token))
    assert [services.expiry.sweep_if_time() for _ in range(4)] == [2, 2, 1, 0]


def test_whoever_has_much_that_is_over_keeps_nobody_waiting(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.expiry.ERASED_OF_ONE_OWNER", 1)
    monkeypatch.setattr("services.expiry.ERASED_AT_ONCE", 2)
    for each in (token, services.access.issue(Caller("bob"), valid_for=timedelta(hours=1))):
        for _ in range(2):
            age(database, start_interview(client, each).id, 10)
        client.put(PATH, json=rule(5), headers=bearer(each))
    assert services.expiry.sweep() == 2
    assert sorted(database["interview_sessions"].distinct("owner_id")) == ["bob", "owner"]


def test_erasing_a_person_erases_what_they_chose(client: FlaskClient, token: str, database: MongoDatabase) -> None:
    client.put(PATH, json=rule(5), headers=bearer(token))
    assert client.delete(f"/api/people/{OWNER.user_id}", headers=bearer(token)).status_code == 200
    assert database["retention_rules"].count_documents({}) == 0


@pytest.mark.covers("Q-retention")
def test_an_admin_chooses_for_somebody_and_it_is_recorded(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, interview: Interview
) -> None:
    admin = bearer(services.access.issue(Caller("eve", role="admin"), valid_for=timedelta(hours=1)))
    path = "/api/admin/retention/bob/of/somewhere"
    assert client.put(path, json=rule(7), headers=admin).get_json()["transcript_days"] == 7
    assert client.get(path, headers=admin).get_json()["transcript_days"] == 7
    (row,) = database["audit"].find({"action": "retention.choose"})
    assert (row["actor_id"], row["owner_id"]) == ("eve", "bob/of/somewhere")
    person = bearer(services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    assert_problem(client.put(path, json=rule(7), headers=person), 403)
    assert_problem(client.get(PATH, headers=interview.candidate), 403)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"transcript_days": 3},
        rule(0),
        rule(-1),
        rule(10**6),
        {**rule(), "x": 1},
        {**rule(), "transcript_days": "3"},
    ],
)
def test_what_is_no_rule_is_refused(client: FlaskClient, token: str, body: dict[str, Any]) -> None:
    assert_problem(client.put(PATH, json=body, headers=bearer(token)), 422)


class TestWithAMaximum:
    @pytest.fixture
    def settings(self) -> Settings:
        return settings_with(max_transcript_days=10, failed_audio_retention_hours=5)

    @pytest.mark.covers("Q-retention")
    def test_nobody_keeps_anything_longer_than_the_operator_does(
        self, client: FlaskClient, token: str, services: Services, database: MongoDatabase
    ) -> None:
        told = client.get(PATH, headers=bearer(token)).get_json()
        assert (told["max_transcript_days"], told["max_failed_audio_hours"]) == (10, 5)
        assert_problem(client.put(PATH, json=rule(11), headers=bearer(token)), 422, "beyond_maximum")
        assert_problem(client.put(PATH, json=rule(None, 6), headers=bearer(token)), 422, "beyond_maximum")
        assert client.put(PATH, json=rule(10, 5), headers=bearer(token)).status_code == 200
        kept, over = start_interview(client, token), start_interview(client, token)
        age(database, kept.id, 9)
        age(database, over.id, 11)
        client.put(PATH, json=rule(), headers=bearer(token))
        assert services.expiry.sweep() == 1
        assert sessions(database) == {kept.id}
