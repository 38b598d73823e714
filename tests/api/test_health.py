"""Probes and numbers."""

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from app.health import begin_draining
from services.container import Services, build_services
from services.errors import TranscriberUnavailable
from services.models import WhisperModel
from services.storage.client import MongoDatabase, connect
from services.storage.workers import WorkerState, WorkerStore
from tests.api.conftest import Interview
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber


def test_a_process_that_serves_is_alive(client: FlaskClient) -> None:
    reply = client.get("/healthz")
    assert (reply.status_code, reply.get_json()) == (200, {"status": "ok"})


def test_without_a_worker_it_is_not_ready(client: FlaskClient) -> None:
    reply = client.get("/readyz")
    assert reply.status_code == 503
    assert reply.get_json() == {
        "status": "starting",
        "checks": {
            "mongodb": "ok",
            "worker": {"state": "missing", "detail": "no worker is running; answers are kept until one does"},
        },
        "whisper_model": None,
        "demo_model": False,
    }


@pytest.mark.parametrize(
    ("state", "status", "word"),
    [
        (WorkerState("loading", "loading openai/whisper-base", None, False), 503, "starting"),
        (WorkerState("ready", "ready", "openai/whisper-base", False), 200, "ready"),
        (WorkerState("ready", "ready", "demo", True), 200, "ready"),
        (WorkerState("failed", "no such model: nowhere/none", None, False), 503, "failed"),
    ],
)
def test_it_is_as_ready_as_its_worker(
    client: FlaskClient, database: MongoDatabase, state: WorkerState, status: int, word: str
) -> None:
    WorkerStore(database).beat("w1", state)
    reply = client.get("/readyz")
    assert reply.status_code == status
    assert reply.get_json() == {
        "status": word,
        "checks": {"mongodb": "ok", "worker": {"state": state.state, "detail": state.detail}},
        "whisper_model": state.whisper_model,
        "demo_model": state.demo_model,
    }


def test_one_ready_worker_among_others_is_enough(client: FlaskClient, database: MongoDatabase) -> None:
    workers = WorkerStore(database)
    workers.beat("w1", WorkerState("ready", "ready", "demo", True))
    workers.beat("w2", WorkerState("failed", "no such model", None, False))
    assert client.get("/readyz").status_code == 200


def test_a_model_that_cannot_be_loaded_is_named_as_the_reason(database: MongoDatabase, queue: RememberingQueue) -> None:
    def build() -> ScriptedTranscriber:
        raise TranscriberUnavailable("WHISPER_MODEL: there is no model nowhere/none.")

    services = build_services(settings_with(), database, queue, build)
    with pytest.raises(TranscriberUnavailable):
        services.transcriber.load()
    services.health.beat("w1")
    reply = create_app(settings_with(), services).test_client().get("/readyz")
    assert (reply.status_code, reply.get_json()["status"]) == (503, "failed")
    assert "nowhere/none" in reply.get_json()["checks"]["worker"]["detail"]


def test_clients_are_told_which_model_hears(client: FlaskClient, services: Services, interview: Interview) -> None:
    services.transcriber.load()
    services.health.beat("w1")
    for path in (f"/api/sessions/{interview.id}", f"/api/transcription-status/{interview.id}", "/readyz"):
        told = client.get(path, headers=interview.candidate).get_json()
        assert WhisperModel(told["whisper_model"], told["demo_model"]) == WhisperModel("scripted", True)


def test_with_the_database_away_it_says_so_and_stays_alive(
    queue: RememberingQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.storage.client.OPERATION_TIMEOUT_MS", 300)
    away = connect("mongodb://127.0.0.1:1", "test_away")
    services = build_services(settings_with(), away, queue, ScriptedTranscriber)
    client = create_app(settings_with(), services).test_client()
    ready = client.get("/readyz")
    asked = client.get("/api/sessions", headers={"Authorization": "Bearer whoever-it-is"})
    assert client.get("/healthz").status_code == 200
    away.client.close()

    assert ready.status_code == 503
    assert ready.get_json()["status"] == "failed"
    assert ready.get_json()["checks"]["mongodb"] == "The database does not answer at the moment."
    assert "127.0.0.1" not in ready.text
    assert asked.status_code == 503
    assert asked.headers["Retry-After"] == "5"


def test_numbers_are_told_to_prometheus_without_ids(client: FlaskClient, interview: Interview) -> None:
    client.get(f"/api/sessions/{interview.id}", headers=interview.candidate)
    client.get("/nowhere")
    for number in range(3):
        client.open("/healthz", method=f"ODD{number}")
    reply = client.get("/metrics")
    families = list(text_string_to_metric_families(reply.text))

    assert reply.content_type == "text/plain; version=0.0.4; charset=utf-8"
    samples = [sample for family in families for sample in family.samples]
    counted = {
        (sample.labels["method"], sample.labels["route"], sample.labels["status"]): sample.value
        for sample in samples
        if sample.name == "parley_requests_total"
    }
    assert counted["GET", "/api/sessions/<session_id>", "200"] == 1
    assert counted["GET", "(none)", "404"] == 1
    assert counted["OTHER", "(none)", "405"] == 3
    assert interview.id not in reply.text
    assert interview.link_token not in reply.text


def test_a_process_that_stops_sends_everybody_elsewhere(app: Flask, database: MongoDatabase) -> None:
    WorkerStore(database).beat("w1", WorkerState("ready", "ready", "demo", True))
    client = app.test_client()
    assert client.get("/readyz").status_code == 200
    begin_draining(app)
    reply = client.get("/readyz")
    assert (reply.status_code, reply.get_json()["status"]) == (503, "draining")
    assert client.get("/healthz").status_code == 200
