"""An interview that was started over HTTP, and what is in GridFS afterwards."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from secrets import token_hex
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from services.container import Services
from services.errors import RecordingRejected
from services.models import AnswerRef
from services.storage.client import MongoDatabase, connect
from services.storage.indexes import ensure_indexes
from tests.factories import wav_of
from tests.fakes import ScriptedTranscriber

QUESTIONS = [
    {"id": "q1", "prompt": "Whom did you lead?", "model_answer": "I led a secret team.", "key_points": ["secret team"]},
    {"id": "q2", "prompt": "And then?"},
]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def audio(content: bytes | None = None, name: str = "answer.wav") -> dict[str, Any]:
    """The form of an upload."""
    return {"audio": (BytesIO(wav_of() if content is None else content), name)}


@dataclass(frozen=True)
class Interview:
    """A session that was started over HTTP, and the two tokens that open it."""

    id: str
    owner: dict[str, str]
    link_token: str

    @property
    def candidate(self) -> dict[str, str]:
        return bearer(self.link_token)

    def upload_path(self, question_id: str = "q1") -> str:
        return f"/api/upload-answer/{self.id}/{question_id}"


def start_interview(client: FlaskClient, token: str, **body: Any) -> Interview:
    reply = client.post("/api/sessions", json={"questions": QUESTIONS, **body}, headers=bearer(token))
    assert reply.status_code == 201, reply.text
    started = reply.get_json()
    return Interview(started["id"], bearer(token), started["link"].rpartition("token=")[2])


@pytest.fixture(scope="session")
def one_database(mongodb_uri: str) -> Iterator[MongoDatabase]:
    found = connect(mongodb_uri, f"test_{token_hex(8)}")
    ensure_indexes(found)
    yield found
    found.client.drop_database(found.name)
    found.client.close()


@pytest.fixture
def database(one_database: MongoDatabase) -> MongoDatabase:
    """One database for all of these tests, emptied before each: making one takes longer than most of them."""
    for name in one_database.list_collection_names():
        if one_database[name].find_one({}, {"_id": 1}) is not None:
            one_database[name].delete_many({})
    return one_database


@pytest.fixture
def interview(client: FlaskClient, token: str) -> Interview:
    return start_interview(client, token)


@pytest.fixture
def other_interview(client: FlaskClient, token: str, interview: Interview) -> Interview:
    return start_interview(client, token)


@pytest.fixture
def upload(client: FlaskClient, interview: Interview) -> Callable[..., TestResponse]:
    """Upload an answer as the candidate."""

    def post(question_id: str = "q1", form: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        data = audio() if form is None else form
        headers = options.pop("headers", interview.candidate)
        return client.post(interview.upload_path(question_id), data=data, headers=headers, **options)

    return post


@pytest.fixture
def transcribe(services: Services, interview: Interview) -> Callable[[TestResponse], None]:
    """Do the worker's part for an upload that was accepted."""

    def run(accepted: TestResponse, question_id: str = "q1") -> None:
        ref = AnswerRef(interview.id, question_id, accepted.get_json()["answer_id"])
        services.transcription.transcribe(ref)

    return run


def fail_the_transcriber(transcriber: ScriptedTranscriber) -> None:
    def refuse(_: int) -> None:
        raise RecordingRejected("The recording is damaged.", code="bad_audio")

    transcriber.before_window = refuse


@pytest.fixture
def stored_files(database: MongoDatabase) -> Callable[[], tuple[int, int]]:
    """How many files and chunks GridFS holds."""
    return lambda: (database["fs.files"].count_documents({}), database["fs.chunks"].count_documents({}))


def assert_problem(reply: TestResponse, status: int, code: str | None = None) -> dict[str, Any]:
    """Every error is a problem (RFC 9457) that names itself and its request, and shows no traceback."""
    assert reply.status_code == status, (reply.status_code, reply.text[:500])
    assert reply.content_type == "application/problem+json"
    problem: dict[str, Any] = reply.get_json()
    assert set(problem) - {"errors"} == {"type", "title", "status", "detail", "code", "request_id", "retryable"}
    assert problem["status"] == status
    assert problem["request_id"] == reply.headers["X-Request-ID"]
    assert "Traceback" not in reply.text
    if code is not None:
        assert problem["code"] == code
    return problem


@dataclass(frozen=True)
class RunningServer:
    """The app on a real socket."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.host}:{self.port}"


@pytest.fixture
def server(app: Flask, services: Services) -> Iterator[RunningServer]:
    """The app and its live feed, in a threaded server of this process."""
    services.live.start()
    running = make_server("127.0.0.1", 0, app, threaded=True)
    running.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield RunningServer("127.0.0.1", running.port)
    services.live.close()
    running.shutdown()
    thread.join()
    running.server_close()
