"""What operators ask and decide, through HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer, fail_the_transcriber
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import Stores

ANSWERS = "/api/admin/answers"
SWEEPS = ("erasures", "expired", "events", "feedback", "webhooks", "searchable", "sent", "replaced")
SWEPT_NOTHING = dict.fromkeys(SWEEPS, 0)


@pytest.fixture
def admin(services: Services, token: str) -> dict[str, str]:
    return bearer(services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1)))


@pytest.fixture
def failed(client: FlaskClient, services: Services, upload, queue: RememberingQueue) -> str:
    """An answer that was ended as failed, with its recording; its id."""
    answer_id = _uploaded(upload)
    services.decisions.mark_failed(queue.sent[-1], "It failed.")
    return answer_id


def _uploaded(upload: Any) -> str:
    return str(upload().get_json()["answer_id"])


def test_a_failed_answer_leads_to_its_session_and_to_the_log(client, admin, failed: str, interview: Interview):
    (listed,) = client.get(ANSWERS, headers=admin).get_json()["answers"]
    assert (listed["session_id"], listed["question_id"], listed["answer_id"]) == (interview.id, "q1", failed)
    assert (listed["code"], listed["message"], listed["can_retry"]) == ("marked_failed", "It failed.", True)
    assert listed["retained_until"] > listed["ended_at"] >= listed["accepted_at"]


def test_the_trace_id_is_that_of_the_upload(client, admin, upload, interview: Interview):
    answer_id = upload(headers={**interview.candidate, "X-Request-ID": "upload-7"}).get_json()["answer_id"]
    shown = client.get(f"{ANSWERS}/{answer_id}", headers=admin).get_json()
    assert (shown["request_id"], shown["status"]) == ("upload-7", "queued")


def test_a_rejected_recording_says_that_it_is_gone(client, admin, upload, transcribe, transcriber: ScriptedTranscriber):
    fail_the_transcriber(transcriber)
    answer = upload()
    transcribe(answer)
    (listed,) = client.get(f"{ANSWERS}?status=failed&code=bad_audio", headers=admin).get_json()["answers"]
    assert (listed["can_retry"], listed["retained_until"]) == (False, None)
    refused = client.post(f"{ANSWERS}/{listed['answer_id']}/retry", headers=admin)
    assert_problem(refused, 409, "recording_gone")


@pytest.mark.covers("I-retry")
def test_a_retry_needs_no_new_recording(client, admin, services: Services, failed: str, queue: RememberingQueue):
    reply = client.post(f"{ANSWERS}/{failed}/retry", headers=admin)
    assert (reply.status_code, reply.get_json()["status"]) == (200, "queued")
    services.transcription.transcribe(queue.sent[-1])
    assert client.get(f"{ANSWERS}/{failed}", headers=admin).get_json()["status"] == "completed"
    assert_problem(client.post(f"{ANSWERS}/{failed}/retry", headers=admin), 409, "answer_completed")


def test_a_repeated_retry_with_a_key_is_the_same_retry(client, admin, failed: str):
    keyed = {**admin, "Idempotency-Key": "once"}
    replies = [client.post(f"{ANSWERS}/{failed}/retry", headers=keyed) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[0].get_json() == replies[1].get_json()


@pytest.mark.covers("I-retry")
@pytest.mark.parametrize(("action", "status"), [("cancel", "cancelled"), ("fail", "failed")])
def test_what_waits_can_be_ended(client, admin, upload, action: str, status: str):
    answer_id = _uploaded(upload)
    body = {"json": {"message": "Too loud."}} if action == "fail" else {}
    reply = client.post(f"{ANSWERS}/{answer_id}/{action}", headers=admin, **body)
    assert (reply.status_code, reply.get_json()["status"]) == (200, status)
    assert reply.get_json()["message"] == ("Too loud." if action == "fail" else None)
    assert_problem(client.post(f"{ANSWERS}/{answer_id}/{action}", headers=admin), 409, f"answer_{status}")


def test_many_are_decided_about_at_once(client, admin, upload):
    ids = [upload(question_id).get_json()["answer_id"] for question_id in ("q1", "q2")]
    cancelled = client.post(f"{ANSWERS}/cancel", json={"status": "queued"}, headers=admin).get_json()
    assert (cancelled["done"], cancelled["refused"], cancelled["remaining"]) == (2, 0, 0)
    retried = client.post(f"{ANSWERS}/retry", json={"answer_ids": [*ids, "0" * 24]}, headers=admin).get_json()
    assert [each["outcome"] for each in retried["outcomes"]] == ["done", "done", "no_answer"]
    failed = client.post(f"{ANSWERS}/fail", json={"status": "queued", "limit": 1}, headers=admin).get_json()
    assert (failed["done"], failed["remaining"]) == (1, 1)
    body = {"status": "queued", "cursor": failed["next"]}
    rest = client.post(f"{ANSWERS}/fail", json=body, headers=admin).get_json()
    assert (rest["done"], rest["remaining"], rest["next"]) == (1, 0, None)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"answer_ids": []},
        {"answer_ids": ["0" * 24], "status": "failed"},
        {"answer_ids": ["$where"]},
        {"answer_ids": ["0" * 24] * 201},
        {"status": "completed"},
        {"status": {"$ne": "failed"}},
        {"status": "failed", "code": "$x"},
        {"status": "failed", "limit": 201},
        {"status": "failed", "cursor": "garbage"},
        {"status": "failed", "nobody": "knows"},
    ],
    ids=str,
)
def test_what_is_not_plainly_right_is_refused(client, admin, body: dict[str, Any]):
    assert_problem(client.post(f"{ANSWERS}/retry", json=body, headers=admin), 422)


@pytest.mark.parametrize("cursor", ["garbage", "MjAyNi0wMS0wMVQwMDowMDowMCswMDowMCBub3QtYW4taWQ=", "%00"])
def test_a_cursor_that_is_not_ours_is_refused(client, admin, cursor: str):
    for path in (ANSWERS, "/api/admin/audit"):
        assert_problem(client.get(f"{path}?cursor={cursor}", headers=admin), 422, "invalid_cursor")


def test_the_queue_and_the_sweep(client, admin, upload, database: MongoDatabase):
    _uploaded(upload)
    queue = client.get("/api/admin/queue", headers=admin).get_json()
    assert (queue["queued"], queue["processing"], queue["unknown_length"]) == (1, 0, 1)
    swept = client.post("/api/admin/sweep", headers=admin)
    assert swept.get_json() == {**SWEPT_NOTHING, "searchable": 1}


def test_the_sweep_is_that_of_the_workers(client, admin, services: Services, database: MongoDatabase, stores: Stores):
    owner = Caller("owner")
    endpoint = services.webhooks.create(owner, url="https://8.8.8.8/", events=[], description="").webhook.id
    services.webhooks.test(owner, endpoint)
    session_id = stores.start("q1")
    stores.accept(session_id)
    services.feedback_jobs.complete(services.sessions.get(owner, session_id))
    past = datetime.now(UTC) - timedelta(minutes=1)
    for name in ("webhook_deliveries", "feedback_jobs"):
        assert database[name].update_many({}, {"$set": {"due": past}}).modified_count == 1
    told = {"id": "e", "type": "answer.failed", "at": past, "data": {"session_id": session_id}}
    database["interview_sessions"].update_one({"_id": session_id}, {"$set": {"outbox": [told]}})
    swept = client.post("/api/admin/sweep", headers=admin).get_json()
    assert swept == {**SWEPT_NOTHING, "webhooks": 1, "feedback": 1, "events": 1, "searchable": 1}


@pytest.mark.covers("Q-audit")
def test_the_audit_log_is_read_in_pages(client, admin, failed: str, interview: Interview):
    client.post(f"{ANSWERS}/{failed}/retry", headers=admin)
    client.post(f"{ANSWERS}/{failed}/cancel", headers=admin)
    first = client.get("/api/admin/audit?limit=1", headers=admin).get_json()
    second = client.get(f"/api/admin/audit?limit=1&cursor={first['next']}", headers=admin).get_json()
    assert [page["rows"][0]["action"] for page in (first, second)] == ["answer.cancel", "answer.retry"]
    assert first["rows"][0]["details"] == {"answer_id": failed, "question_id": "q1"}
    assert client.get("/api/admin/audit?session_id=nobody", headers=admin).get_json()["rows"] == []


@pytest.mark.parametrize("path", [ANSWERS, "/api/admin/queue", "/api/admin/audit"])
def test_only_admins_may(client, services: Services, interview: Interview, path: str):
    user = bearer(services.access.issue(Caller("ada"), valid_for=timedelta(hours=1)))
    for headers in (user, interview.candidate):
        assert_problem(client.get(path, headers=headers), 403, "forbidden")
    assert_problem(client.get(path), 401, "unauthorized")


@pytest.mark.parametrize("word", ["retry", "cancel", "fail"])
def test_the_words_for_many_answers_are_not_answers(client: FlaskClient, token: str, word: str) -> None:
    path = f"/api/admin/answers/{word}"
    assert client.options(path, headers=bearer(token)).allow == {"OPTIONS", "POST"}
    assert_problem(client.get(path, headers=bearer(token)), 405)
