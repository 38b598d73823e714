"""Live updates: WebSocket and server-sent events tell the same story."""

import json
from collections.abc import Callable

import httpx
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from tests.api.conftest import Interview, RunningServer
from tests.api.live.listeners import WAYS, Listen, event_stream, refused, through_socket, through_stream
from tests.fakes import ScriptedTranscriber

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]


def test_a_snapshot_comes_first_and_then_each_change_in_order(
    server: RunningServer,
    listen: Listen,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    transcriber.windows = 2
    with listen(server, interview.id, interview.candidate) as events:
        snapshot = next(events)
        accepted = upload()
        transcribe(accepted)
        changes = [next(events)]
        while changes[-1]["status"] != "completed":
            changes.append(next(events))

    assert snapshot == {"type": "snapshot", "seq": 0, "answers": [], "whisper_model": None, "demo_model": False}
    assert {change["type"] for change in changes} == {"answer"}
    assert [change["seq"] for change in changes] == list(range(1, len(changes) + 1))
    assert list(dict.fromkeys(change["status"] for change in changes)) == ["queued", "processing", "completed"]
    assert {change["question_id"] for change in changes} == {"q1"}
    done = [change["progress"]["windows_done"] for change in changes if change["progress"]]
    assert done == sorted(done)
    assert done[-1] == 2
    assert changes[-1]["transcript"] == "i led a team"
    assert changes[-1]["answer_id"] == accepted.get_json()["answer_id"]


def test_the_text_grows_while_the_rest_is_waited_for(
    server: RunningServer,
    listen: Listen,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
    interview: Interview,
) -> None:
    transcriber.text, transcriber.windows = "one two three four $five six", 3
    with listen(server, interview.id, interview.candidate) as events:
        next(events)
        transcribe(upload())
        changes = [next(events)]
        while changes[-1]["status"] != "completed":
            changes.append(next(events))
    *before, done = changes
    assert {change["transcript"] for change in before} == {None}
    grown = list(dict.fromkeys(change["partial_transcript"] for change in before))
    assert grown[:3] == [None, "one two", "one two three four"]
    assert (done["transcript"], done["partial_transcript"]) == (transcriber.text, None)
    assert (done["confidence"], done["language_probability"], done["needs_review"]) == (0.9, 0.9, False)
    assert (done["words_per_minute"], done["longest_pause_seconds"], done["gaps"]) == (360.0, 0.0, [])
    assert {"queue", "decode", "vad", "encode"} <= set(done["timing"])


def test_a_later_listener_begins_with_how_things_are_and_what_hears(
    server: RunningServer,
    listen: Listen,
    upload: Upload,
    transcribe: Transcribe,
    services: Services,
    interview: Interview,
) -> None:
    transcribe(upload())
    services.health.beat("w1")
    with listen(server, interview.id, interview.owner) as events:
        snapshot = next(events)
    assert snapshot["type"] == "snapshot"
    assert snapshot["seq"] > 0
    assert (snapshot["whisper_model"], snapshot["demo_model"]) == ("scripted", True)
    assert [(answer["status"], answer["transcript"]) for answer in snapshot["answers"]] == [
        ("completed", "i led a team")
    ]


def test_nothing_of_another_session_is_heard(
    server: RunningServer,
    listen: Listen,
    client: FlaskClient,
    upload: Upload,
    interview: Interview,
    other_interview: Interview,
) -> None:
    with listen(server, other_interview.id, other_interview.candidate) as events:
        next(events)
        upload("q1")
        path = other_interview.upload_path("q2")
        from tests.api.conftest import audio  # noqa: PLC0415

        client.post(path, data=audio(), headers=other_interview.candidate)
        assert (next(events)["seq"], other_interview.id != interview.id) == (1, True)


@WAYS
def test_another_sessions_link_is_refused_before_the_upgrade(
    server: RunningServer, way: str, interview: Interview, other_interview: Interview
) -> None:
    reply = refused(server, interview, other_interview.candidate, way)
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


@WAYS
def test_nobody_is_refused_before_the_upgrade(server: RunningServer, way: str, interview: Interview) -> None:
    reply = refused(server, interview, {}, way)
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")


@WAYS
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_another_sites_page_is_refused_before_the_upgrade(
    server: RunningServer, way: str, interview: Interview, origin: str
) -> None:
    reply = refused(server, interview, {**interview.candidate, "Origin": origin}, way)
    assert (reply.status_code, reply.json()["code"]) == (403, "foreign_origin")


def test_our_own_page_may_listen_with_its_cookie(server: RunningServer, listen: Listen, interview: Interview) -> None:
    # simple_websocket's client names no port in `Host`
    origin = f"http://{server.host}" if listen is through_socket else server.url
    headers = {"Cookie": f"parley_token={interview.link_token}", "Origin": origin}
    with listen(server, interview.id, headers) as events:
        assert next(events)["type"] == "snapshot"


@pytest.mark.parametrize("left_out", ["Sec-WebSocket-Key", "Sec-WebSocket-Version", "Connection"])
def test_a_handshake_that_is_not_one_is_a_bad_request(
    server: RunningServer, interview: Interview, left_out: str
) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **interview.candidate,
    }
    headers[left_out] = "close" if left_out == "Connection" else ""
    reply = httpx.get(f"{server.url}/ws/sessions/{interview.id}", headers=headers, trust_env=False)
    assert reply.status_code == 400


def test_a_stream_tells_its_reader_how_to_come_back(
    server: RunningServer, upload: Upload, interview: Interview
) -> None:
    with event_stream(server, interview.id, interview.candidate) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["X-Accel-Buffering"] == "no"
        assert response.headers["Cache-Control"] == "no-store"
        lines = response.iter_lines()
        seen = [next(lines) for _ in range(4)]
        upload()
        while not ({"id: 1", ": still here"} <= set(seen) and seen[-1] == ""):
            seen.append(next(lines))
    assert seen[0] == "retry: 2000"
    assert seen[2] == "id: 0"
    assert json.loads(seen[seen.index("id: 1") + 1].removeprefix("data: "))["seq"] == 1


@pytest.mark.covers("Q-push")
def test_who_comes_back_begins_with_a_snapshot_whatever_was_seen(
    server: RunningServer, upload: Upload, interview: Interview
) -> None:
    upload()
    headers = {**interview.candidate, "Last-Event-ID": "0"}
    with through_stream(server, interview.id, headers) as events:
        snapshot = next(events)
    assert (snapshot["type"], snapshot["seq"], len(snapshot["answers"])) == ("snapshot", 1, 1)
