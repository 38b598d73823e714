"""What is typed, and what comes from outside, is told to live connections as anything else is."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from services.outside_transcripts import OutsideText
from tests.api.conftest import Interview, RunningServer
from tests.api.live.listeners import Listen

Upload = Callable[..., TestResponse]


def give(client: FlaskClient, interview: Interview, text: str) -> str:
    body = {"question_id": "q1", "type": "text", "response_text": text}
    reply = client.post(f"/api/sessions/{interview.id}/responses", json=body, headers=interview.candidate)
    assert reply.status_code == 201
    return str(reply.get_json()["answer_id"])


@pytest.mark.covers("E4-S2.3")
def test_a_typed_answer_in_the_place_of_a_recording_is_told_as_it_is(
    server: RunningServer, listen: Listen, upload: Upload, client: FlaskClient, interview: Interview
) -> None:
    with listen(server, interview.id, interview.candidate) as events:
        next(events)
        upload()
        recorded = next(events)
        answer_id = give(client, interview, "$50 was my budget")
        typed = next(events)
        again = give(client, interview, "$60 was my budget")
        later = next(events)
    assert (recorded["status"], recorded["kind"], recorded["seq"]) == ("queued", "audio", 1)
    assert (typed["status"], typed["kind"], typed["seq"]) == ("completed", "text", 2)
    assert (typed["transcript"], typed["answer_id"], typed["revision"]) == ("$50 was my budget", answer_id, 1)
    assert (typed["declared_duration_ms"], typed["can_retry"], typed["progress"]) == (None, False, None)
    assert (later["transcript"], later["answer_id"], later["revision"]) == ("$60 was my budget", again, 2)


@pytest.mark.covers("M-stream")
def test_a_transcript_from_outside_is_told(
    server: RunningServer, listen: Listen, upload: Upload, services: Services, interview: Interview
) -> None:
    worker = Caller("owner", "worker", key_id="0" * 24)
    with listen(server, interview.id, interview.candidate) as events:
        next(events)
        answer_id = upload().get_json()["answer_id"]
        next(events)
        services.outside_transcripts.write_by_id(worker, answer_id, OutsideText("i led a team", "large-v3"))
        told = next(events)
    assert (told["status"], told["transcript"], told["whisper_model"]) == ("completed", "i led a team", "large-v3")
    assert (told["seq"], told["answer_id"]) == (2, answer_id)
