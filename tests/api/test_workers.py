"""Workers of somebody else: with a key of one owner they find, hear and transcribe that owner's answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from services.storage.audio import PART_BYTES
from services.storage.client import MongoDatabase
from services.texts import LONGEST_TRANSCRIPT
from tests.api.conftest import Interview, assert_problem, audio, bearer, start_interview
from tests.factories import recording_of, settings_with, wav_of

Call = Callable[..., TestResponse]
HEARD = {"text": "i led a team", "whisper_model": "large-v3"}
KEYS = "/api/admin/worker-keys"


@pytest.fixture
def worker(services: Services) -> dict[str, str]:
    """The header with which a worker of the owner comes."""
    return bearer(services.worker_keys.make(Caller("owner", "admin"), "owner", "gpu 1")[1])


@pytest.fixture
def waiting(client: FlaskClient, worker: dict[str, str]) -> Callable[..., Any]:
    def get(query: str = "") -> Any:
        reply = client.get(f"/api/worker/answers{query}", headers=worker)
        assert reply.status_code == 200, reply.text
        return reply.get_json()

    return get


@pytest.fixture
def write(client: FlaskClient, worker: dict[str, str]) -> Call:
    def put(answer_id: str, body: Any = None) -> TestResponse:
        return client.put(f"/api/worker/answers/{answer_id}/transcript", json=body or HEARD, headers=worker)

    return put


def make_key(client: FlaskClient, headers: dict[str, str], **body: Any) -> TestResponse:
    return client.post(KEYS, json={"owner_id": "owner", "name": "gpu 1", **body}, headers=headers)


@pytest.mark.covers("M-response-patch", "E4-S1.2")
def test_a_worker_finds_hears_and_transcribes_an_answer(
    client: FlaskClient, interview: Interview, upload: Call, waiting, write: Call, worker
) -> None:
    content = wav_of(0.3)
    receipt = upload(form={**audio(content), "language": "de", "duration_ms": "300"}).get_json()
    (found,) = waiting()["answers"]
    assert (found["answer_id"], found["session_id"], found["question_id"]) == (receipt["answer_id"], interview.id, "q1")
    assert (found["bytes"], found["sha256"]) == (len(content), sha256(content).hexdigest())
    assert (found["status"], found["language"], found["declared_duration_ms"]) == ("queued", "de", 300)
    sent = client.get(f"/api/worker/answers/{found['answer_id']}/audio", headers=worker)
    assert (sent.get_data(), sent.content_type) == (content, "audio/wav")
    assert sent.content_length == len(content)
    assert sent.headers["Content-Disposition"] == f'attachment; filename="{found["answer_id"]}.wav"'
    told = write(found["answer_id"]).get_json()
    assert (told["status"], told["transcript"], told["whisper_model"]) == ("completed", "i led a team", "large-v3")
    assert waiting() == {"answers": [], "next": None}
    assert_problem(client.get(f"/api/worker/answers/{found['answer_id']}/audio", headers=worker), 404, "no_recording")
    shown = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate).get_json()
    assert (shown["status"], shown["transcript"], shown["language"]) == ("completed", "i led a team", "de")


def test_a_long_recording_is_sent_in_parts(
    client: FlaskClient, services: Services, interview: Interview, worker: dict[str, str]
) -> None:
    content, session = wav_of(140), services.sessions.get(Caller("owner"), interview.id)
    answer_id = services.answers.accept(session, "q1", recording_of(content), "owner").answer_id
    sent = client.get(f"/api/worker/answers/{answer_id}/audio", headers=worker, buffered=False)
    parts = list(sent.iter_encoded())
    sent.close()
    assert b"".join(parts) == content
    assert max(map(len, parts)) <= PART_BYTES < len(content) == sent.content_length


def test_a_list_says_nothing_of_what_was_said(upload: Call, waiting, write: Call, database: MongoDatabase) -> None:
    upload()
    database["interview_sessions"].update_one({}, {"$set": {"answers.q1.partial_texts": {"0": "secret"}}})
    (found,) = waiting()["answers"]
    said = {"answer_id", "session_id", "question_id", "status", "bytes", "sha256", "content_type", "created_at"}
    assert found.keys() == said | {"declared_duration_ms", "language"}


def test_the_oldest_come_first_page_by_page(upload: Call, waiting) -> None:
    first, second = upload("q1").get_json()["answer_id"], upload("q2").get_json()["answer_id"]
    page = waiting("?limit=1")
    rest = waiting(f"?limit=1&cursor={page['next']}")
    assert [each["answer_id"] for each in (*page["answers"], *rest["answers"])] == [first, second]
    assert rest["next"] is None


@pytest.mark.parametrize("query", ["?status=completed", "?status=cancelled", "?status=$ne", "?limit=0", "?cursor=x"])
def test_what_cannot_be_asked_for_is_refused(client: FlaskClient, worker, query: str) -> None:
    assert_problem(client.get(f"/api/worker/answers{query}", headers=worker), 422)


@pytest.mark.parametrize(
    "body",
    [
        {"text": "x"},
        {"whisper_model": "m"},
        {"text": None, "whisper_model": "m"},
        {"text": "x", "whisper_model": ""},
        {"text": "half \ud800 a pair", "whisper_model": "m"},
        {"text": "x" * (LONGEST_TRANSCRIPT + 1), "whisper_model": "m"},
        {"text": "x", "whisper_model": "m", "status": "completed"},
        {"text": "x", "whisper_model": "m", "language": "german"},
    ],
)
def test_what_is_no_transcript_is_refused(upload: Call, write: Call, waiting, body: dict[str, Any]) -> None:
    answer_id = upload().get_json()["answer_id"]
    assert_problem(write(answer_id, body), 422)
    assert len(waiting()["answers"]) == 1


def test_the_longest_transcript_is_taken_however_it_is_escaped(upload: Call, write: Call) -> None:
    long = {"text": "\U0001f937" * LONGEST_TRANSCRIPT, "whisper_model": "large-v3"}
    assert write(upload().get_json()["answer_id"], long).status_code == 200


def test_again_with_the_same_text_is_the_same_and_another_is_a_conflict(upload: Call, write: Call) -> None:
    answer_id = upload().get_json()["answer_id"]
    assert write(answer_id).get_json() == write(answer_id).get_json()
    assert_problem(write(answer_id, {**HEARD, "text": "other"}), 409, "already_completed")


def test_what_a_person_wrote_is_not_written_over(
    client: FlaskClient, interview: Interview, upload: Call, write: Call
) -> None:
    answer_id = upload().get_json()["answer_id"]
    write(answer_id)
    path = f"/api/sessions/{interview.id}/answers/q1/transcript"
    headers = {**interview.candidate, "If-Match": "*"}
    assert client.put(path, json={"text": "I led a team."}, headers=headers).status_code == 200
    assert_problem(write(answer_id), 409, "written_by_person")


def test_a_key_is_for_one_owners_answers(
    client: FlaskClient, services: Services, upload: Call, write: Call, waiting, worker
) -> None:
    eve = start_interview(client, services.access.issue(Caller("eve"), valid_for=timedelta(days=1)))
    foreign = client.post(eve.upload_path(), data=audio(), headers=eve.candidate).get_json()["answer_id"]
    assert waiting()["answers"] == []
    for reply in (write(foreign), client.get(f"/api/worker/answers/{foreign}/audio", headers=worker)):
        assert_problem(reply, 404, "no_answer")
    of_eve = bearer(services.worker_keys.make(Caller("owner", "admin"), "eve", "hers")[1])
    assert client.get(f"/api/worker/answers/{foreign}/audio", headers=of_eve).status_code == 200


def test_an_admin_makes_a_key_that_is_shown_once_and_kept_as_a_hash(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    reply = make_key(client, bearer(token), days=7)
    assert reply.status_code == 201
    made = reply.get_json()
    assert made["key"].startswith("parley_worker_")
    assert (made["owner_id"], made["name"], made["created_by"]) == ("owner", "gpu 1", "owner")
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)
    listed = client.get(KEYS, headers=bearer(token)).get_json()
    assert listed == {"keys": [{name: value for name, value in made.items() if name != "key"}]}
    stored = database["access_tokens"].find_one({"role": "worker"})
    assert stored is not None
    assert stored["_id"] == sha256(made["key"].encode()).hexdigest()
    assert made["key"] not in str(stored)
    assert client.get("/api/worker/answers", headers=bearer(made["key"])).status_code == 200


def test_keys_are_listed_by_owner(client: FlaskClient, token: str) -> None:
    for owner in ("ada", "eve"):
        make_key(client, bearer(token), owner_id=owner)
    found = client.get(f"{KEYS}?owner_id=eve", headers=bearer(token)).get_json()
    assert [each["owner_id"] for each in found["keys"]] == ["eve"]


def test_a_revoked_key_opens_nothing_and_says_so_once(client: FlaskClient, token: str) -> None:
    made = make_key(client, bearer(token)).get_json()
    path = f"{KEYS}/{made['key_id']}"
    assert client.delete(path, headers=bearer(token)).status_code == 204
    assert_problem(client.get("/api/worker/answers", headers=bearer(made["key"])), 401)
    assert_problem(client.delete(path, headers=bearer(token)), 404, "no_such_worker_key")
    assert client.get(KEYS, headers=bearer(token)).get_json() == {"keys": []}


def test_an_expired_key_opens_nothing(client: FlaskClient, token: str, database: MongoDatabase) -> None:
    made = make_key(client, bearer(token)).get_json()
    database["access_tokens"].update_one({"role": "worker"}, {"$set": {"expires_at": datetime(2020, 1, 1, tzinfo=UTC)}})
    assert_problem(client.get("/api/worker/answers", headers=bearer(made["key"])), 401)
    assert client.get(KEYS, headers=bearer(token)).get_json() == {"keys": []}


def test_one_idempotency_key_makes_one_worker_key(client: FlaskClient, token: str, database: MongoDatabase) -> None:
    headers = {**bearer(token), "Idempotency-Key": "k1"}
    assert make_key(client, headers).get_json() == make_key(client, headers).get_json()
    assert database["access_tokens"].count_documents({"role": "worker"}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"owner_id": ""},
        {"name": ""},
        {"name": "a\nb"},
        {"owner_id": "x" * 65},
        {"days": 0},
        {"days": True},
        {"role": "admin"},
    ],
)
def test_a_key_that_cannot_be_is_refused(client: FlaskClient, token: str, body: dict[str, Any]) -> None:
    assert_problem(make_key(client, bearer(token), **body), 422)


def test_making_and_revoking_leave_rows_without_the_secret(
    client: FlaskClient, token: str, database: MongoDatabase
) -> None:
    made = make_key(client, bearer(token)).get_json()
    client.delete(f"{KEYS}/{made['key_id']}", headers=bearer(token))
    rows = list(database["audit"].find({"action": {"$regex": "^worker_key"}}).sort("at", 1))
    assert [each["action"] for each in rows] == ["worker_key.create", "worker_key.revoke"]
    assert all(each["details"] == {"key_id": made["key_id"]} for each in rows)


def test_a_key_is_no_cookie(client: FlaskClient, worker: dict[str, str]) -> None:
    key = worker["Authorization"].removeprefix("Bearer ")
    reply = client.get(f"/?token={key}")
    assert reply.status_code == 401
    assert "Set-Cookie" not in reply.headers


def test_no_log_line_holds_a_key(client: FlaskClient, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    made = make_key(client, bearer(token)).get_json()
    client.get("/api/worker/answers", headers=bearer(made["key"]))
    written = "".join(capsys.readouterr())
    assert "/api/worker/answers" in written
    assert made["key"] not in written


class TestLimits:
    @pytest.fixture
    def settings(self):
        return settings_with(rate_limit="3/hour")

    def test_what_workers_ask_is_not_taken_from_their_owners_share(
        self, client: FlaskClient, token: str, services: Services
    ) -> None:
        keys = [bearer(services.worker_keys.make(Caller("owner", "admin"), "owner", name)[1]) for name in ("a", "b")]
        for shown in (*keys, bearer(token)):
            path = "/api/sessions" if shown == bearer(token) else "/api/worker/answers"
            assert [client.get(path, headers=shown).status_code for _ in range(4)] == [200, 200, 200, 429]
