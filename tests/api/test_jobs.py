"""Jobs over HTTP: a recording without an interview, from its upload to its transcript."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Settings
from services.access import OWNER
from services.container import Services
from services.models import AnswerRef, Caller, Hints
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, bearer, fail_the_transcriber
from tests.factories import settings_with, wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber

Send = Callable[..., TestResponse]


@pytest.fixture
def headers(token: str) -> dict[str, str]:
    return bearer(token)


@pytest.fixture
def send(client: FlaskClient, headers: dict[str, str]) -> Send:
    """Upload the recording of a job."""

    def post(content: bytes | None = None, *, key: str | None = None, **fields: Any) -> TestResponse:
        keyed = {} if key is None else {"Idempotency-Key": key}
        data = {**fields, **audio(content)}
        return client.post("/api/transcribe", data=data, headers={**headers, **keyed})

    return post


@pytest.fixture
def work(services: Services, queue: RememberingQueue) -> Callable[[], AnswerRef]:
    """Do the worker's part for what was sent last."""

    def run() -> AnswerRef:
        services.transcription.transcribe(queue.sent[-1])
        return queue.sent[-1]

    return run


@pytest.fixture
def read(client: FlaskClient, headers: dict[str, str]) -> Callable[[str], dict[str, Any]]:
    def get(job_id: str) -> dict[str, Any]:
        reply = client.get(f"/api/jobs/{job_id}", headers=headers)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.get_json()
        return found

    return get


@pytest.mark.covers("N-transcribe", "N-states")
def test_a_recording_without_an_interview_gets_a_job_id_at_once(send: Send, queue: RememberingQueue) -> None:
    content = wav_of(2)
    reply = send(content)
    body = reply.get_json()
    assert reply.status_code == 202
    assert (body["status"], body["bytes"], body["sha256"]) == ("queued", len(content), sha256(content).hexdigest())
    assert reply.headers["Location"] == f"/api/jobs/{body['job_id']}"
    assert int(reply.headers["Retry-After"]) > 0
    assert [ref.session_id for ref in queue.sent] == [body["job_id"]]


@pytest.mark.covers("N-job", "N-states", "N-percent", "N-times", "Q-eta")
def test_a_job_tells_its_state_its_percent_and_when_it_came_to_each_state(
    send: Send, work: Callable[[], AnswerRef], read: Callable[[str], dict[str, Any]], transcriber: ScriptedTranscriber
) -> None:
    job_id = send().get_json()["job_id"]
    queued = read(job_id)
    assert (queued["status"], queued["stage"], queued["progress"]["percent"]) == ("queued", None, 0)
    seen: list[dict[str, Any]] = []
    transcriber.text, transcriber.windows = "one two three four", 4
    transcriber.before_window = lambda _: seen.append(read(job_id))
    work()
    assert [each["progress"]["percent"] for each in seen] == [0, 25, 50, 75]
    assert {(each["status"], each["stage"]) for each in seen} == {("processing", "transcribing")}
    assert seen[2]["partial_transcript"] == "one two"
    assert seen[0]["eta_seconds"] is None
    assert seen[2]["eta_seconds"] is not None
    done = read(job_id)
    assert (done["status"], done["progress"]["percent"], done["transcript"]) == ("completed", 100, "one two three four")
    assert (done["language"], done["whisper_model"], done["duration_seconds"]) == ("en", "scripted", 1.0)
    times = done["times"]
    assert times["queued_at"] <= times["started_at"] <= times["completed_at"]
    assert (times["failed_at"], times["cancelled_at"]) == (None, None)


@pytest.mark.covers("Q-errors", "Q-retry")
def test_a_failed_job_says_why_and_can_be_tried_again(
    client: FlaskClient,
    headers: dict[str, str],
    send: Send,
    read: Callable[[str], dict[str, Any]],
    services: Services,
    queue: RememberingQueue,
) -> None:
    job_id = send().get_json()["job_id"]
    services.decisions.mark_failed(queue.sent[-1], "The machine went away.")
    failed = read(job_id)
    assert (failed["status"], failed["error"]["message"]) == ("failed", "The machine went away.")
    assert failed["times"]["failed_at"] is not None
    assert failed["can_retry"]
    reply = client.post(f"/api/jobs/{job_id}/retry", headers=headers)
    assert (reply.status_code, reply.get_json()["status"]) == (202, "queued")
    again = reply.get_json()["times"]
    assert again["failed_at"] is None
    assert again["queued_at"] > failed["times"]["queued_at"]
    services.transcription.transcribe(queue.sent[-1])
    assert read(job_id)["status"] == "completed"
    assert_problem(client.post(f"/api/jobs/{job_id}/retry", headers=headers), 409, "already_completed")


@pytest.mark.covers("Q-errors")
def test_a_damaged_recording_ends_with_a_code_and_a_sentence(
    send: Send,
    work: Callable[[], AnswerRef],
    read: Callable[[str], dict[str, Any]],
    transcriber: ScriptedTranscriber,
    stored_files: Callable[[], tuple[int, int]],
) -> None:
    fail_the_transcriber(transcriber)
    job_id = send().get_json()["job_id"]
    work()
    failed = read(job_id)
    assert failed["error"] == {"code": "bad_audio", "message": "The recording is damaged."}
    assert not failed["can_retry"]


@pytest.mark.covers("Q-cancel")
def test_a_queued_job_that_is_cancelled_never_starts(
    client: FlaskClient,
    headers: dict[str, str],
    send: Send,
    work: Callable[[], AnswerRef],
    transcriber: ScriptedTranscriber,
) -> None:
    job_id = send().get_json()["job_id"]
    for _ in range(2):
        reply = client.delete(f"/api/jobs/{job_id}", headers=headers)
        assert (reply.status_code, reply.get_json()["status"]) == (200, "cancelled")
        assert reply.get_json()["times"]["cancelled_at"] is not None
    work()
    assert transcriber.plans == 0


@pytest.mark.covers("Q-cancel")
def test_a_running_job_that_is_cancelled_stops_at_its_next_window(
    client: FlaskClient,
    headers: dict[str, str],
    send: Send,
    work: Callable[[], AnswerRef],
    read: Callable[[str], dict[str, Any]],
    transcriber: ScriptedTranscriber,
) -> None:
    job_id = send(wav_of(5)).get_json()["job_id"]
    transcriber.text, transcriber.windows = "one two three four five", 5

    def cancel_in_the_second(index: int) -> None:
        if index == 1:
            assert client.delete(f"/api/jobs/{job_id}", headers=headers).status_code == 200

    transcriber.before_window = cancel_in_the_second
    work()
    assert transcriber.heard == [0, 1]
    assert read(job_id)["status"] == "cancelled"


def test_what_has_ended_is_not_cancelled(
    client: FlaskClient, headers: dict[str, str], send: Send, work: Callable[[], AnswerRef]
) -> None:
    job_id = send().get_json()["job_id"]
    work()
    assert_problem(client.delete(f"/api/jobs/{job_id}", headers=headers), 409, "already_ended")


@pytest.mark.covers("N-jobs")
def test_jobs_are_listed_by_state_newest_first_page_by_page_without_their_texts(
    client: FlaskClient, headers: dict[str, str], send: Send, work: Callable[[], AnswerRef]
) -> None:
    ids = []
    for _ in range(5):
        ids.append(send().get_json()["job_id"])
        if len(ids) % 2:
            work()
    everything = client.get("/api/jobs", headers=headers).get_json()
    assert [each["job_id"] for each in everything["jobs"]] == ids[::-1]
    assert not any("transcript" in each or "partial_transcript" in each for each in everything["jobs"])
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = f"/api/jobs?status=completed&limit=2{cursor and f'&cursor={cursor}'}"
        page = client.get(query, headers=headers).get_json()
        found += [each["job_id"] for each in page["jobs"]]
        cursor = page["next"]
    assert found == [ids[4], ids[2], ids[0]]
    queued = client.get("/api/jobs?status=queued", headers=headers).get_json()
    assert [each["job_id"] for each in queued["jobs"]] == [ids[3], ids[1]]
    assert client.get("/api/jobs?status=failed", headers=headers).get_json()["jobs"] == []


@pytest.mark.covers("N-jobs", "Q-batch-status")
def test_several_jobs_are_asked_for_in_one_call_and_unknown_ones_are_no_error(
    client: FlaskClient, headers: dict[str, str], send: Send, interview: Interview
) -> None:
    ids = [send().get_json()["job_id"] for _ in range(3)]
    asked = ",".join([ids[2], "0" * 24, ids[0], interview.id, ids[2]])
    body = client.get(f"/api/jobs?job_ids={asked}", headers=headers).get_json()
    assert [each["job_id"] for each in body["jobs"]] == [ids[2], ids[0]]
    assert body["not_found"] == ["0" * 24, interview.id]
    hundred = ",".join(str(number) for number in range(100))
    assert len(client.get(f"/api/jobs?job_ids={hundred}", headers=headers).get_json()["not_found"]) == 100
    assert_problem(client.get(f"/api/jobs?job_ids={hundred},100", headers=headers), 422)
    assert_problem(client.get("/api/jobs?job_ids=$ne", headers=headers), 422)


@pytest.mark.covers("N-jobs")
def test_jobs_and_interviews_are_not_told_in_place_of_each_other(
    client: FlaskClient, headers: dict[str, str], send: Send, interview: Interview
) -> None:
    job_id = send().get_json()["job_id"]
    listed = client.get("/api/sessions", headers=headers).get_json()["sessions"]
    assert [each["id"] for each in listed] == [interview.id]
    for call in (client.get, client.delete):
        assert_problem(call(f"/api/jobs/{interview.id}", headers=headers), 404)
    assert_problem(client.post(f"/api/jobs/{interview.id}/retry", headers=headers), 404)
    assert client.get(f"/api/jobs/{job_id}", headers=headers).status_code == 200


def test_jobs_are_their_owners_alone(
    client: FlaskClient, headers: dict[str, str], send: Send, services: Services, interview: Interview
) -> None:
    job_id = send().get_json()["job_id"]
    other = bearer(services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    assert_problem(client.get(f"/api/jobs/{job_id}", headers=other), 404)
    assert_problem(client.delete(f"/api/jobs/{job_id}", headers=other), 404)
    assert client.get("/api/jobs", headers=other).get_json()["jobs"] == []
    assert client.get(f"/api/jobs?job_ids={job_id}", headers=other).get_json()["not_found"] == [job_id]
    candidate = interview.candidate
    assert_problem(client.post("/api/transcribe", data=audio(), headers=candidate), 403)
    assert_problem(client.get("/api/jobs", headers=candidate), 403)


@pytest.mark.covers("Q-formats", "Q-exports")
@pytest.mark.parametrize("kind", ["txt", "srt", "vtt", "json"])
def test_the_transcript_of_a_job_comes_in_every_format(
    client: FlaskClient,
    headers: dict[str, str],
    send: Send,
    work: Callable[[], AnswerRef],
    read: Callable[[str], dict[str, Any]],
    kind: str,
) -> None:
    job_id = send().get_json()["job_id"]
    work()
    question_id = read(job_id)["question_id"]
    path = f"/api/sessions/{job_id}/answers/{question_id}/transcript?format={kind}"
    reply = client.get(path, headers=headers)
    assert reply.status_code == 200
    assert "team" in reply.text


@pytest.mark.covers("Q-idempotent")
def test_the_same_key_is_the_same_job(
    send: Send, work: Callable[[], AnswerRef], stored_files: Callable[[], tuple[int, int]], queue: RememberingQueue
) -> None:
    first, again = send(key="k", language="en"), send(key="k", language="en")
    assert first.get_json() == again.get_json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert stored_files() == (1, 1)
    assert len(queue.sent) == 1
    work()
    assert send(key="k", language="en").get_json()["job_id"] == first.get_json()["job_id"]
    for other in ({"content": wav_of(2)}, {"language": "de"}, {"initial_prompt": "Other"}, {"vocabulary": "SLO"}):
        fields: dict[str, Any] = {"language": "en", **other}
        assert_problem(send(key="k", **fields), 422, "idempotency_key_reused")
    assert send(key="other", language="en").get_json()["job_id"] != first.get_json()["job_id"]


def test_a_key_older_than_its_receipt_makes_no_second_job(send: Send, database: MongoDatabase) -> None:
    send(key="k")
    database["receipts"].delete_many({})
    assert_problem(send(key="k"), 409, "idempotency_key_used")


def test_a_key_of_an_erased_job_makes_none_while_traces_are_looked_for(
    client: FlaskClient, headers: dict[str, str], send: Send
) -> None:
    job_id = send(key="k").get_json()["job_id"]
    assert client.delete(f"/api/sessions/{job_id}", headers=headers).get_json()["residue"] == {}
    assert_problem(send(key="k"), 404)


def test_what_is_said_with_a_recording_goes_to_the_model(
    send: Send, work: Callable[[], AnswerRef], transcriber: ScriptedTranscriber
) -> None:
    send(language="de", task="translate", initial_prompt="A talk.", vocabulary="Kubernetes, SLO,Kubernetes")
    work()
    (hints,) = transcriber.hints
    assert (hints.language, str(hints.task), hints.initial_prompt) == ("de", "translate", "A talk.")
    assert hints.vocabulary == ("Kubernetes", "SLO")


@pytest.mark.parametrize(
    "fields",
    [{"language": "german"}, {"task": "sing"}, {"vocabulary": "x" * 65}, {"duration_ms": "-1"}, {"consent": "perhaps"}],
)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(
    send: Send, stored_files: Callable[[], tuple[int, int]], database: MongoDatabase, fields: dict[str, str]
) -> None:
    assert_problem(send(wav_of(14), **fields), 422)
    assert stored_files() == (0, 0)
    assert database["uploads"].count_documents({}) == 0
    assert database["interview_sessions"].count_documents({}) == 0


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"audio": (BytesIO(b"%PDF-1.7" + bytes(300_000)), "a.wav")}, 415, "unsupported_media_type"),
        ({"audio": (BytesIO(b""), "a.wav")}, 422, "empty_recording"),
        ({"sound": (BytesIO(wav_of(14)), "a.wav")}, 422, "missing_file"),
        ({"audio": [(BytesIO(wav_of(14)), "a.wav"), (BytesIO(wav_of()), "b.wav")]}, 422, "too_many_files"),
        ({"language": "en"}, 422, "missing_file"),
        ({**audio(wav_of(14)), "bytes": "7"}, 422, "recording_incomplete"),
        ({**audio(wav_of(14)), "sha256": "0" * 64}, 422, "digest_mismatch"),
    ],
)
def test_what_is_no_recording_or_not_the_one_declared_leaves_nothing(
    client: FlaskClient,
    headers: dict[str, str],
    database: MongoDatabase,
    form: dict[str, Any],
    status: int,
    code: str,
) -> None:
    reply = client.post("/api/transcribe", data=form, headers=headers, content_type="multipart/form-data")
    assert_problem(reply, status, code)
    for name in ("uploads", "fs.files", "fs.chunks", "interview_sessions"):
        assert database[name].count_documents({}) == 0


@pytest.mark.covers("E6-S1.1")
def test_the_request_that_brought_a_job_is_found_by_its_id(
    client: FlaskClient, headers: dict[str, str], database: MongoDatabase
) -> None:
    reply = client.post("/api/transcribe", data=audio(), headers={**headers, "X-Request-ID": "my-request-1"})
    assert reply.headers["X-Request-ID"] == "my-request-1"
    stored = database["interview_sessions"].find_one({"_id": reply.get_json()["job_id"]})
    assert stored is not None
    assert stored["answers"]["recording"]["request_id"] == "my-request-1"


@pytest.mark.covers("N-version")
def test_an_old_frontend_may_send_a_job_and_may_not_read_one(send: Send, client: FlaskClient, token: str) -> None:
    client.application.config["MINIMUM_FRONTEND_VERSION"] = "9.0.0"
    old = {**bearer(token), "X-Frontend-Version": "0.0.1"}
    assert client.post("/api/transcribe", data=audio(), headers=old).status_code == 202
    problem = client.get("/api/jobs", headers=old).get_json()
    assert (problem["status"], problem["code"]) == (409, "frontend_too_old")
    assert problem["minimum_frontend_version"] == "9.0.0"
    assert problem["version"] == client.get("/version").get_json()["version"]


@pytest.mark.covers("Q-batch-status")
def test_many_sessions_are_summed_up_in_one_call(
    client: FlaskClient, headers: dict[str, str], send: Send, interview: Interview, services: Services
) -> None:
    client.post(interview.upload_path(), data=audio(), headers=interview.candidate)
    job_id = send().get_json()["job_id"]
    asked = f"{job_id},{interview.id},{'0' * 24}"
    body = client.get(f"/api/transcription-status?session_ids={asked}", headers=headers).get_json()
    assert {each["session_id"]: each["summary"]["queued"] for each in body["sessions"]} == {job_id: 1, interview.id: 1}
    for each in body["sessions"]:
        one = client.get(f"/api/transcription-status/{each['session_id']}", headers=headers).get_json()
        assert (each["seq"], each["summary"]) == (one["seq"], one["summary"])
    assert body["missing"] == ["0" * 24]
    other = bearer(services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    body = client.get(f"/api/transcription-status?session_ids={asked}", headers=other).get_json()
    assert (body["sessions"], len(body["missing"])) == ([], 3)
    too_many = ",".join(str(number) for number in range(51))
    assert_problem(client.get(f"/api/transcription-status?session_ids={too_many}", headers=headers), 422)
    assert_problem(client.get("/api/transcription-status", headers=headers), 422)


class TestItsOwnLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        return settings_with(max_answer_seconds=2, max_job_seconds=6, max_job_bytes=300_000)

    @pytest.mark.covers("N-transcribe")
    @pytest.mark.parametrize(("seconds", "status"), [(5, "completed"), (9, "failed")])
    def test_a_job_may_be_longer_than_an_answer_and_not_endless(
        self,
        send: Send,
        work: Callable[[], AnswerRef],
        read: Callable[[str], dict[str, Any]],
        seconds: int,
        status: str,
    ) -> None:
        job_id = send(wav_of(seconds)).get_json()["job_id"]
        work()
        job = read(job_id)
        assert job["status"] == status
        assert (job["error"] or {}).get("code") == (None if status == "completed" else "too_long")

    def test_a_job_of_more_bytes_is_refused_however_it_is_sent(
        self, client: FlaskClient, headers: dict[str, str], send: Send, stored_files: Callable[[], tuple[int, int]]
    ) -> None:
        assert_problem(send(wav_of(12)), 413)
        body, boundary = b"".join(wav_body(wav_of(12))), "b"
        content_type = f"multipart/form-data; boundary={boundary}"
        environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
        reply = client.post(
            "/api/transcribe",
            input_stream=BytesIO(body),
            headers=headers,
            content_type=content_type,
            environ_overrides=environ,
        )
        assert_problem(reply, 413)
        assert stored_files() == (0, 0)


def wav_body(content: bytes) -> list[bytes]:
    head = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
    return [head, content, b"\r\n--b--\r\n"]


@pytest.mark.covers("Q-chunks")
def test_a_recording_of_several_parts_is_heard_to_its_end(
    services: Services, work: Callable[[], AnswerRef], read: Callable[[str], dict[str, Any]], queue: RememberingQueue
) -> None:
    incoming = services.transcription_jobs.expect(OWNER.user_id, None)
    content = wav_of(300)
    for start in range(0, len(content), 65_536):
        incoming.write(content[start : start + 65_536])
    services.transcription_jobs.accept(OWNER.user_id, incoming, Hints(), once=False)
    work()
    assert read(queue.sent[-1].session_id)["duration_seconds"] == 300.0


def test_a_recording_of_which_a_part_is_gone_is_told_so(
    send: Send, work: Callable[[], AnswerRef], read: Callable[[str], dict[str, Any]], database: MongoDatabase
) -> None:
    job_id = send(wav_of(14)).get_json()["job_id"]
    database["fs.chunks"].delete_one({"n": 1})
    work()
    assert read(job_id)["error"]["code"] == "audio_missing"
