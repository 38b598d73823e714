"""Taking an interview along, through HTTP."""

import io
import json
import zipfile
from datetime import timedelta

import httpx
from flask.testing import FlaskClient

from services.container import Services
from services.models import Caller
from tests.api.conftest import Interview, RunningServer, assert_problem, bearer


def path_of(interview: Interview) -> str:
    return f"/api/sessions/{interview.id}/export"


def test_its_owner_gets_a_zip(client: FlaskClient, interview: Interview, upload, transcribe):
    transcribe(upload())
    reply = client.get(path_of(interview), headers=interview.owner)
    assert (reply.status_code, reply.content_type) == (200, "application/zip")
    assert reply.headers["Content-Disposition"] == f'attachment; filename="interview-{interview.id}.zip"'
    assert reply.headers["Cache-Control"] == "no-store"
    archive = zipfile.ZipFile(io.BytesIO(reply.data))
    told = json.loads(archive.read("session.json"))
    assert (told["id"], told["answers"][0]["transcript"]) == (interview.id, "i led a team")
    assert interview.link_token not in reply.data.decode("latin-1")


def test_it_comes_whole_over_a_real_connection(server: RunningServer, interview: Interview, upload):
    upload()
    reply = httpx.get(f"{server.url}{path_of(interview)}", headers=interview.owner, trust_env=False, timeout=20)
    assert zipfile.ZipFile(io.BytesIO(reply.content)).namelist() == ["audio/q1.wav", "session.json"]


def test_the_candidates_link_may_not(client: FlaskClient, interview: Interview):
    assert_problem(client.get(path_of(interview), headers=interview.candidate), 403, "forbidden")


def test_who_took_it_along_is_on_record(client: FlaskClient, services: Services, interview: Interview):
    grace = bearer(services.access.issue(Caller("grace", role="admin"), valid_for=timedelta(hours=1)))
    client.get(path_of(interview), headers=grace)
    client.get(path_of(interview), headers=interview.owner)
    rows = services.audit.list_of(session_id=interview.id).rows
    assert [(row.action, row.actor_id) for row in rows] == [("session.export", "owner"), ("session.export", "grace")]
