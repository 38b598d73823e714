"""Feedback over HTTP: complete, where it stands, the report, the history, and the rules around them."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from config import Settings
from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from services.storage.feedback_jobs import FeedbackJobStore
from tests.api.conftest import Interview, assert_problem, bearer, fail_the_transcriber
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]
STATUS = {
    *("sessionId", "status", "attempts", "maxAttempts", "lastError", "startedAt", "completedAt"),
    *("nextAttemptAt", "retryAfter", "waitingForTranscripts"),
}


@pytest.fixture
def complete(client: FlaskClient, interview: Interview) -> Callable[..., TestResponse]:
    """Press Submit as the candidate."""

    def press(key: str | None = None, headers: dict[str, str] | None = None) -> TestResponse:
        headers = {**(headers or interview.candidate), **({"Idempotency-Key": key} if key else {})}
        # A worker is told once the reply is sent.
        reply = client.post(f"/api/sessions/{interview.id}/complete", headers=headers)
        reply.close()
        return reply

    return press


@pytest.fixture
def read(client: FlaskClient, interview: Interview) -> Callable[..., TestResponse]:
    def get(name: str, headers: dict[str, str] | None = None, **query: Any) -> TestResponse:
        path = f"/api/sessions/{interview.id}/{name}"
        return client.get(path, headers=headers or interview.owner, query_string=query)

    return get


@pytest.fixture
def answered(upload: Upload, transcribe: Transcribe) -> None:
    """The first question, with its transcript."""
    transcribe(upload())


@pytest.fixture
def answered_badly(transcriber: ScriptedTranscriber, upload: Upload, transcribe: Transcribe) -> None:
    """The same with a recording that cannot be heard."""
    fail_the_transcriber(transcriber)
    transcribe(upload())


@pytest.fixture
def scored(answered: None, complete: Callable[..., TestResponse], services: Services, interview: Interview) -> None:
    """The same, completed and scored."""
    complete()
    services.scoring.work(interview.id)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that takes its time."""
    monkeypatch.setattr("services.feedback.rule_based.RuleBasedFeedback.is_instant", False)


@pytest.fixture
def stranger(services: Services) -> dict[str, str]:
    return bearer(services.access.issue(Caller("grace"), valid_for=timedelta(hours=1)))


def fail_the_job(database: MongoDatabase, session_id: str) -> None:
    """Let its last attempt fail."""
    store = FeedbackJobStore(database, lease_seconds=60)
    assert store.documents.claim(session_id, "holder", "token")
    store.fail(session_id, "token", {"code": "scoring_failed", "message": "The scoring failed."}, about=None)


@pytest.mark.covers("E1-S2.1", "E1-S2.2", "E1-S2.3")
@pytest.mark.usefixtures("answered")
def test_completing_a_session_begins_one_job_and_scores_nothing(
    complete, interview: Interview, queue: RememberingQueue, database
) -> None:
    first, again = complete(), complete()
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.headers["Location"] == f"/api/sessions/{interview.id}/feedback-status"
    assert first.headers["Retry-After"] == "5"
    assert first.get_json() == again.get_json()
    assert set(first.get_json()) == STATUS
    assert queue.feedback == [interview.id]
    assert database["feedback_jobs"].count_documents({}) == 1
    assert database["feedback_reports"].count_documents({}) == 0


@pytest.mark.covers("E1-S2.3")
def test_a_key_replays_what_completing_was_answered(complete) -> None:
    first, again = complete(key="one"), complete(key="one")
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (first.get_json(), first.headers["Location"]) == (again.get_json(), again.headers["Location"])


@pytest.mark.covers("E1-S3.1", "E1-S3.2", "E7-S1.1")
@pytest.mark.usefixtures("answered")
def test_the_status_tells_every_state_and_when_to_ask_again(
    complete, read, services: Services, interview: Interview
) -> None:
    complete()
    waiting = read("feedback-status")
    assert waiting.status_code == 200
    body = waiting.get_json()
    assert (body["sessionId"], body["status"], body["attempts"], body["maxAttempts"]) == (interview.id, "queued", 0, 4)
    assert (body["retryAfter"], waiting.headers["Retry-After"], body["lastError"]) == (5, "5", None)
    services.scoring.work(interview.id)
    done = read("feedback-status")
    body = done.get_json()
    assert (body["status"], body["attempts"], body["retryAfter"], body["nextAttemptAt"]) == ("completed", 1, None, None)
    assert body["startedAt"] <= body["completedAt"]
    assert "Retry-After" not in done.headers
    assert done.headers["Location"] == f"/api/sessions/{interview.id}/feedback"


@pytest.mark.covers("E1-S3.2", "E7-S1.1")
def test_the_status_says_how_many_transcripts_are_missing(complete, read, upload: Upload) -> None:
    upload("q1")
    upload("q2")
    assert complete().get_json()["waitingForTranscripts"] == 2
    assert read("feedback-status").get_json()["waitingForTranscripts"] == 2


@pytest.mark.covers("E1-S3.2", "E1-S4.3", "E6-S1.3", "E7-S1.1")
def test_a_failure_is_told_in_words_that_may_be_shown_and_named_by_its_request(
    complete, read, services: Services, database: MongoDatabase, interview: Interview
) -> None:
    asked = complete()
    fail_the_job(database, interview.id)
    body = read("feedback-status").get_json()
    assert (body["status"], body["retryAfter"], body["nextAttemptAt"]) == ("failed", None, None)
    error = {"code": "scoring_failed", "message": "The scoring failed."}
    assert body["lastError"] == {**error, "requestId": asked.headers["X-Request-ID"]}
    problem = read("feedback").get_json()
    assert (problem["status"], problem["code"], problem["detail"]) == (409, "feedback_failed", "The scoring failed.")
    assert problem["last_error"] == body["lastError"]
    assert problem["retryable"] is False


@pytest.mark.covers("E1-S3.3")
@pytest.mark.parametrize("name", ["feedback-status", "feedback"])
def test_where_nobody_asked_there_is_nothing(read, client: FlaskClient, interview: Interview, name: str) -> None:
    assert_problem(read(name), 404, "no_feedback")
    assert_problem(client.get(f"/api/sessions/{'0' * 24}/{name}", headers=interview.owner), 404, "not_found")


@pytest.mark.covers("E1-S3.1")
@pytest.mark.parametrize("name", ["feedback-status", "feedback", "feedback/history"])
def test_only_who_may_see_the_session_may_ask(
    scored: None, client: FlaskClient, interview: Interview, other_interview: Interview, stranger, name: str
) -> None:
    for headers in (stranger, other_interview.candidate):
        assert_problem(client.get(f"/api/sessions/{interview.id}/{name}", headers=headers), 404, "not_found")
        assert_problem(client.post(f"/api/sessions/{interview.id}/complete", headers=headers), 404, "not_found")
    assert_problem(client.get(f"/api/sessions/{interview.id}/{name}"), 401)


@pytest.mark.covers("E1-S4.1", "E1-S4.2", "E7-S1.1")
@pytest.mark.usefixtures("answered")
def test_reading_says_that_it_is_not_ready_and_makes_nothing(complete, read, database: MongoDatabase) -> None:
    complete()
    for _ in range(2):
        reply = read("feedback")
        assert (reply.status_code, reply.get_json()["code"]) == (409, "feedback_not_ready")
        assert (reply.headers["Retry-After"], reply.get_json()["retryable"]) == ("5", True)
    assert database["feedback_reports"].count_documents({}) == 0


@pytest.mark.covers("E1-S4.1", "E2-S4.3", "E7-S1.1")
@pytest.mark.usefixtures("scored")
def test_a_report_cites_the_words_it_rests_on_and_how_it_came_about(read, interview: Interview) -> None:
    report = read("feedback", headers=interview.candidate).get_json()
    counts = (report["scored_count"], report["failed_count"], report["unanswered_count"])
    assert (report["session_id"], report["report"], report["stale"], counts) == (interview.id, 1, False, (1, 0, 1))
    (answer,) = report["answers"]
    assert (answer["question_id"], answer["revision"], answer["stale"]) == ("q1", 1, False)
    assert report["final_score"] == answer["score"]
    assert {*answer["feedback"][0]} == {"name", "score", "weight", "comment", "evidence"}
    for metadata in (report["metadata"], answer["metadata"]):
        assert set(metadata) == {"provider", "model", "latency", "promptVersion", "tokenUsage", "fallback"}
        assert (metadata["provider"], metadata["tokenUsage"], metadata["fallback"]) == ("rule_based", None, None)


@pytest.mark.covers("E2-S4.2")
@pytest.mark.usefixtures("scored")
def test_a_report_without_evidence_or_metadata_stays_readable(read, database) -> None:
    old: dict[str, Any] = {"metadata": "", "answers.$[].metadata": "", "answers.$[].feedback.$[].evidence": ""}
    database["feedback_reports"].update_many({}, {"$unset": old})
    report = read("feedback").get_json()
    assert (report["metadata"], report["answers"][0]["metadata"]) == (None, None)
    assert "evidence" not in report["answers"][0]["feedback"][0]
    assert read("feedback/history").get_json()["reports"][0]["metadata"] is None


@pytest.mark.usefixtures("scored")
def test_an_edit_makes_a_report_stale_and_analyzing_again_keeps_it(
    client: FlaskClient, read, interview: Interview
) -> None:
    path = f"/api/sessions/{interview.id}/answers/q1/transcript"
    headers = {**interview.candidate, "If-Match": '"1"'}
    assert client.put(path, json={"text": "I led the whole team."}, headers=headers).status_code == 200
    stale = read("feedback").get_json()
    assert (stale["stale"], stale["answers"][0]["stale"]) == (True, True)
    analyzed = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json()
    fresh = read("feedback").get_json()
    assert (fresh["report"], fresh["stale"], fresh["final_score"]) == (2, False, analyzed["final_score"])
    earlier = read("feedback", report=1).get_json()
    assert (earlier["report"], earlier["stale"], earlier["final_score"]) == (1, True, stale["final_score"])
    page = read("feedback/history", limit=1).get_json()
    assert ([each["report"] for each in page["reports"]], page["next"]) == ([2], 2)
    page = read("feedback/history", limit=1, cursor=page["next"]).get_json()
    assert ([each["report"] for each in page["reports"]], page["next"]) == ([1], None)


@pytest.mark.parametrize("query", [{"report": 9}, {"report": 0}])
def test_a_report_that_never_was_is_not_found(complete, read, services, interview: Interview, query) -> None:
    complete()
    services.scoring.work(interview.id)
    assert_problem(read("feedback", **query), 404, "no_such_report")


@pytest.mark.covers("E7-S1.3")
@pytest.mark.parametrize(
    ("name", "query"),
    [
        *[("feedback", {"report": value}) for value in ("-1", "one", "1e99", "2147483648")],
        *[("feedback/history", {"limit": value}) for value in ("0", "201", "x")],
        ("feedback/history", {"cursor": "$gt"}),
    ],
)
def test_what_is_no_number_is_refused(read, name: str, query: dict[str, str]) -> None:
    assert_problem(read(name, **query), 422)


@pytest.mark.covers("I-analyze")
@pytest.mark.usefixtures("answered")
def test_analyze_and_feedback_are_one_result(
    client: FlaskClient, complete, read, interview: Interview, database
) -> None:
    complete()
    analyzed = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json()
    assert read("feedback-status").get_json()["status"] == "completed"
    report = read("feedback").get_json()
    for name in ("status", "final_score", "scored_count", "failed_count", "unanswered_count"):
        assert report[name] == analyzed[name]
    assert report["answers"][0]["feedback"] == analyzed["answers"][0]["feedback"]
    assert client.post(f"/api/analyze/{interview.id}", headers=interview.owner).get_json() == analyzed
    assert complete().status_code == 200
    assert database["feedback_reports"].count_documents({}) == 1


@pytest.mark.covers("I-analyze")
@pytest.mark.usefixtures("slow", "answered")
def test_analyze_says_that_a_slow_provider_still_scores(
    client: FlaskClient, read, services: Services, interview: Interview, queue: RememberingQueue
) -> None:
    reply = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    assert (reply.status_code, reply.headers["Retry-After"]) == (202, "5")
    assert reply.get_json() == {"status": "analysis_pending", "retry_after": 5}
    for _ in range(5):
        assert client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).status_code == 202
    # Who waits asks often; a worker is told once.
    assert queue.feedback == [interview.id]
    services.scoring.work(interview.id)
    done = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    assert (done.status_code, done.get_json()["status"]) == (200, "success")
    assert read("feedback").get_json()["final_score"] == done.get_json()["final_score"]


@pytest.mark.covers("I-analyze")
@pytest.mark.usefixtures("slow", "answered")
def test_analyze_says_failed_where_scoring_has_failed(
    client: FlaskClient, services: Services, database: MongoDatabase, interview: Interview
) -> None:
    client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
    fail_the_job(database, interview.id)
    report = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate).get_json()
    assert (report["status"], report["final_score"], report["scored_count"]) == ("failed", None, 0)


def test_a_report_of_answers_that_all_failed_says_so(
    answered_badly: None, complete, read, services: Services, interview: Interview
) -> None:
    complete()
    services.scoring.work(interview.id)
    report = read("feedback").get_json()
    counts = (report["scored_count"], report["failed_count"], report["unanswered_count"])
    assert (report["status"], report["final_score"], counts) == ("failed", None, (0, 1, 1))
    assert report["metadata"] is None


@pytest.mark.covers("E6-S1.2")
@pytest.mark.usefixtures("answered")
def test_the_logs_of_scoring_carry_the_id_of_the_request_that_asked(
    client: FlaskClient, services: Services, interview: Interview
) -> None:
    headers = {**interview.candidate, "X-Request-ID": "press-of-submit"}
    client.post(f"/api/sessions/{interview.id}/complete", headers=headers)
    with capture_logs(processors=[merge_contextvars]) as told:
        services.scoring.work(interview.id)
    scored = [line for line in told if line["event"] == "An interview was scored."]
    assert [line["request_id"] for line in scored] == ["press-of-submit"]


def test_an_admins_read_of_a_report_leaves_a_trace_and_of_its_status_none(
    complete, read, services: Services, interview: Interview
) -> None:
    admin = bearer(services.access.issue(Caller("colleague", "admin"), valid_for=timedelta(hours=1)))
    complete()
    services.scoring.work(interview.id)
    for name in ("feedback-status", "feedback"):
        assert read(name, headers=admin).status_code == 200
    rows = [row for row in services.audit.list_of(session_id=interview.id).rows if row.action == "transcript.read"]
    assert [row.details["door"] for row in rows] == ["/api/sessions/<session_id>/feedback"]


@pytest.mark.usefixtures("scored")
def test_the_export_holds_every_report(client: FlaskClient, interview: Interview) -> None:
    assert _exported(client, interview)["feedback_reports"][0]["final_score"] is not None


class TestLimits:
    """E5-S3 for the paths of feedback."""

    @pytest.fixture
    def settings(self) -> Settings:
        return settings_with(rate_limit_costly="3/hour")

    @pytest.mark.covers("E5-S3.1", "E5-S3.2", "E5-S3.3")
    def test_completing_has_a_limit_of_its_own_that_the_environment_sets(self, complete, read) -> None:
        assert [complete().status_code for _ in range(3)] == [202, 200, 200]
        refused = complete()
        assert_problem(refused, 429, "rate_limited")
        assert int(refused.headers["Retry-After"]) > 3500
        # Asking where it stands is not what costs.
        assert read("feedback-status").status_code == 200

    @pytest.mark.covers("E5-S3.1")
    def test_analyzing_and_completing_are_counted_together(self, client, complete, interview: Interview) -> None:
        for _ in range(3):
            client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
        assert_problem(complete(), 429, "rate_limited")


def _exported(client: FlaskClient, interview: Interview) -> dict[str, Any]:
    reply = client.get(f"/api/sessions/{interview.id}/export", headers=interview.owner)
    with zipfile.ZipFile(io.BytesIO(reply.data)) as archive:
        found: dict[str, Any] = json.loads(archive.read("session.json"))
    return found
