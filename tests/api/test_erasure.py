"""Erasing through HTTP: who may, what is left, and that nobody goes on hearing of it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from flask.testing import FlaskClient
from simple_websocket import Client, ConnectionClosed
from werkzeug.test import TestResponse

from scripts.live_client import PromptClient
from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from services.storage.traces import IMPERSONAL, PERSON_TRACES, SESSION_TRACES
from tests.api.conftest import QUESTIONS, Interview, RunningServer, assert_problem, audio, bearer, start_interview

Upload = Callable[..., TestResponse]
# Found by other ways than by the id of a session or a person: by themselves, by their file, and kept without ids.
FOUND_OTHERWISE = {"interview_sessions", "fs.chunks", "audit"}


def path_of(interview: Interview) -> str:
    return f"/api/sessions/{interview.id}"


def rows_with(database: MongoDatabase, *traces: str) -> dict[str, list[str]]:
    """By collection, which of these texts are anywhere in it."""
    found = {}
    for name in database.list_collection_names():
        content = str(list(database[name].find()))
        if hits := [trace for trace in traces if trace in content]:
            found[name] = hits
    return found


def sweep_to_the_end(services: Services, database: MongoDatabase) -> None:
    for _ in range(5):
        past = datetime.now(UTC) - timedelta(seconds=1)
        database["erasures"].update_many({}, {"$set": {"due": past}})
        if services.erasure.sweep() == 0:
            return
    raise AssertionError("the tombstones stay")


def whole_interview(client: FlaskClient, token: str, services: Services) -> tuple[Interview, dict[str, Any]]:
    """Everything that the API offers about an interview, by everybody who may, with keys; and its creation's reply."""
    keyed = {**bearer(token), "Idempotency-Key": "a-key-of-ours"}
    created = client.post("/api/sessions", json={"questions": QUESTIONS}, headers=keyed)
    interview = Interview(created.get_json()["id"], bearer(token), created.get_json()["link"].rpartition("token=")[2])
    for question_id in ("q1", "q2"):
        headers = {**interview.candidate, "Idempotency-Key": f"key-{question_id}"}
        answer = client.post(interview.upload_path(question_id), data=audio(), headers=headers)
        assert answer.status_code == 202, answer.text
    services.recovery.recover_own()
    assert client.post(f"/api/sessions/{interview.id}/ticket", headers=interview.candidate).status_code < 300
    staff = services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1))
    assert client.get(path_of(interview), headers=bearer(staff)).status_code == 200
    assert client.get(f"{path_of(interview)}/export", headers=bearer(staff)).status_code == 200
    answer_id = answer.get_json()["answer_id"]
    assert client.post(f"/api/admin/answers/{answer_id}/cancel", headers=bearer(staff)).status_code == 200
    return interview, created.get_json()


@pytest.mark.covers("Q-erasure")
def test_after_a_whole_interview_nothing_is_left_anywhere(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, queue: Any
):
    interview, _ = whole_interview(client, token, services)
    for ref in list(queue.sent):
        services.transcription.transcribe(ref)
    answer_ids = [ref.answer_id for ref in queue.sent]
    hashed_link = sha256(interview.link_token.encode()).hexdigest()
    traces = (interview.id, *answer_ids, hashed_link, "i led a team", "Whom did you lead?")
    assert set(rows_with(database, *traces)) > {"interview_sessions", "transcripts", "audit", "idempotency_keys"}
    receipt = client.delete(path_of(interview), headers=interview.owner)
    assert receipt.status_code == 200, receipt.text
    told = receipt.get_json()
    assert (told["is_complete"], told["residue"]) == (True, {})
    assert told["subject_hash"] == sha256(interview.id.encode()).hexdigest()
    removed = told["removed"]
    # The start's key has a record of its reply, those of the uploads are their receipts.
    assert (removed["sessions"], removed["idempotency_keys"], removed["receipts"]) == (1, 1, 2)
    assert set(rows_with(database, *traces)) == {"erasures"}
    sweep_to_the_end(services, database)
    assert rows_with(database, *traces) == {}


def test_the_table_of_traces_knows_every_collection(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase, queue: Any
):
    """Whoever adds a collection says there how an erasure finds its rows, or why nothing in it is personal."""
    interview, _ = whole_interview(client, token, services)
    for ref in list(queue.sent):
        services.transcription.transcribe(ref)
    client.delete(path_of(interview), headers=interview.owner)
    known = {trace.collection for trace in (*SESSION_TRACES, *PERSON_TRACES)} | FOUND_OTHERWISE | set(IMPERSONAL)
    assert set(database.list_collection_names()) - known == set()
    assert not set(IMPERSONAL) & {trace.collection for trace in (*SESSION_TRACES, *PERSON_TRACES)}


def test_every_trace_is_found_by_an_index(database: MongoDatabase):
    for trace in (*SESSION_TRACES, *PERSON_TRACES):
        plan = database[trace.collection].find({trace.field: "x"}).explain()["queryPlanner"]["winningPlan"]
        assert "COLLSCAN" not in str(plan), trace


def test_a_replayed_key_brings_nothing_back(
    client: FlaskClient, token: str, services: Services, database: MongoDatabase
):
    interview, created = whole_interview(client, token, services)
    client.delete(path_of(interview), headers=interview.owner)
    keyed = {**bearer(token), "Idempotency-Key": "a-key-of-ours"}
    again = client.post("/api/sessions", json={"questions": QUESTIONS}, headers=keyed)
    assert (again.status_code, again.get_json()["id"] != created["id"]) == (201, True)
    late = client.post(
        interview.upload_path("q1"), data=audio(), headers={**interview.owner, "Idempotency-Key": "key-q1"}
    )
    assert_problem(late, 404, "not_found")
    assert rows_with(database, created["id"]).keys() == {"erasures"}


def test_erased_is_not_there_for_everybody(client: FlaskClient, interview: Interview, upload: Upload):
    upload()
    assert client.delete(path_of(interview), headers=interview.owner).status_code == 200
    assert_problem(client.delete(path_of(interview), headers=interview.owner), 404, "not_found")
    assert_problem(client.get(path_of(interview), headers=interview.owner), 404, "not_found")
    assert_problem(upload(headers=interview.owner), 404, "not_found")
    assert_problem(client.get(path_of(interview), headers=interview.candidate), 401, "unauthorized")
    listed = client.get("/api/sessions", headers=interview.owner).get_json()["sessions"]
    assert interview.id not in [each["id"] for each in listed]


def test_a_link_that_went_astray_cannot_destroy_an_interview(client: FlaskClient, interview: Interview):
    assert_problem(client.delete(path_of(interview), headers=interview.candidate), 403, "forbidden")
    assert client.get(path_of(interview), headers=interview.candidate).status_code == 200


def test_another_sessions_link_and_another_person_may_not(
    client: FlaskClient, services: Services, interview: Interview, other_interview: Interview
):
    stranger = bearer(services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    for headers in (other_interview.candidate, stranger):
        assert_problem(client.delete(path_of(interview), headers=headers), 404, "not_found")
    assert client.get(path_of(interview), headers=interview.owner).status_code == 200


def test_a_person_may_erase_themselves_and_nobody_else(client: FlaskClient, services: Services):
    ada = services.access.issue(Caller("auth0|ada/x"), valid_for=timedelta(hours=1))
    interview = start_interview(client, ada)
    assert_problem(client.delete("/api/people/bob", headers=bearer(ada)), 403, "forbidden")
    assert_problem(client.delete("/api/people/auth0|ada/x", headers=interview.candidate), 403, "forbidden")
    told = client.delete("/api/people/auth0|ada/x", headers=bearer(ada)).get_json()
    assert (told["is_complete"], told["removed"]["sessions"], told["removed"]["access_tokens"]) == (True, 1, 1)
    assert_problem(client.get(path_of(interview), headers=bearer(ada)), 401, "unauthorized")


def hear_to_the_end(socket: Client) -> None:
    """Raises `ConnectionClosed` there."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and socket.receive(timeout=10) is not None:
        continue


def test_an_open_socket_ends_with_the_interview(server: RunningServer, client: FlaskClient, interview: Interview):
    socket = PromptClient(f"{server.ws_url}/ws/sessions/{interview.id}", headers=interview.candidate)
    try:
        assert "snapshot" in str(socket.receive(timeout=10))
        assert client.delete(path_of(interview), headers=interview.owner).status_code == 200
        with pytest.raises(ConnectionClosed):
            hear_to_the_end(socket)
    finally:
        socket.thread.join(timeout=10)
