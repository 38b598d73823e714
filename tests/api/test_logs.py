"""What happened can be read in the logs; what was said, and what opens doors, cannot."""

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog
from flask import Flask
from werkzeug.test import TestResponse

from services.log import configure_logging
from tests.api.conftest import Interview, audio, bearer
from tests.fakes import ScriptedTranscriber

SPOKEN = "my sister was very ill that year"
FILE_NAME = "jane-doe-private.webm"
GARBAGE = "garbage-token-of-somebody"


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Every line that was logged, as the product logs it when it tells the most."""
    root, pymongo = logging.getLogger(), logging.getLogger("pymongo")
    handlers, levels, configuration = root.handlers[:], (root.level, pymongo.level), structlog.get_config()
    configure_logging("DEBUG", "json")
    written = StringIO()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    pymongo.setLevel(levels[1])
    structlog.configure(**configuration)


@pytest.mark.covers("I-log")
def test_a_whole_interview_leaves_neither_words_nor_tokens_in_the_logs(
    logged: Callable[[], list[dict[str, object]]],
    app: Flask,
    interview: Interview,
    upload: Callable[..., TestResponse],
    transcribe: Callable[..., None],
    transcriber: ScriptedTranscriber,
) -> None:
    transcriber.text = SPOKEN
    browser = app.test_client()
    assert browser.get(f"/?token={interview.link_token}").status_code == 303
    assert browser.get(f"/?token={GARBAGE}").status_code == 401
    assert browser.get(f"/{interview.link_token}").status_code == 404
    transcribe(upload(form=audio(name=FILE_NAME)))
    assert upload(form=audio(b"not audio", FILE_NAME)).status_code == 415
    assert upload(headers=bearer(GARBAGE)).status_code == 401
    assert SPOKEN in browser.get(f"/api/transcription-status/{interview.id}/q1").text
    assert browser.post(f"/api/analyze/{interview.id}").status_code == 200

    lines = logged()
    everything = json.dumps(lines)
    events = [line["event"] for line in lines]
    assert events.count("A request was answered.") == 9
    assert "A recording was accepted." in events
    assert "An answer was transcribed." in events
    assert interview.id in everything
    owner_token = interview.owner["Authorization"].split()[1]
    for secret in (owner_token, interview.link_token, GARBAGE, SPOKEN, "sister", FILE_NAME, "secret team"):
        assert secret not in everything, secret


def test_a_request_is_logged_by_its_route_and_id(
    logged: Callable[[], list[dict[str, object]]], app: Flask, interview: Interview
) -> None:
    headers = {**interview.candidate, "X-Request-ID": "r-1"}
    app.test_client().get(f"/api/sessions/{interview.id}?x=1", headers=headers)
    (line,) = (line for line in logged() if line.get("request_id") == "r-1")
    assert {name: line[name] for name in ("method", "route", "status", "request_id")} == {
        "method": "GET",
        "route": "/api/sessions/<session_id>",
        "status": 200,
        "request_id": "r-1",
    }


def test_probes_do_not_fill_the_logs(logged: Callable[[], list[dict[str, object]]], app: Flask) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        app.test_client().get(path)
    assert [line for line in logged() if line["event"] == "A request was answered."] == []
