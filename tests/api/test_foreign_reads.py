"""An admin may read every interview, and leaves a trace at each of its doors; what leaves none is not read."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from pymongo.errors import OperationFailure
from werkzeug.test import TestResponse

from services.container import Services
from services.errors import Unavailable
from services.models import Caller
from tests.api.conftest import Interview, assert_problem, audio, bearer

READING = [
    ("GET", "/api/sessions/{id}"),
    ("GET", "/api/transcription-status/{id}"),
    ("GET", "/api/transcription-status/{id}/q1"),
    ("POST", "/api/analyze/{id}"),
    ("GET", "/api/sessions/{id}/answers/q1/transcript"),
    ("HEAD", "/api/sessions/{id}/events"),
]


@pytest.fixture
def admin(services: Services) -> dict[str, str]:
    return bearer(services.access.issue(Caller("colleague", "admin"), valid_for=timedelta(hours=1)))


@pytest.fixture
def reads(services: Services, interview: Interview) -> Callable[[], list[str]]:
    """The doors through which the interview was read by somebody else."""

    def found() -> list[str]:
        rows = [row for row in services.audit.list_of(session_id=interview.id).rows if row.action == "transcript.read"]
        assert {(row.actor_id, row.actor_role, row.owner_id) for row in rows} <= {("colleague", "admin", "owner")}
        return [row.details["door"] for row in rows]

    return found


@pytest.mark.covers("Q-audit")
@pytest.mark.parametrize(("method", "path"), READING)
def test_a_foreign_read_leaves_a_row(
    client: FlaskClient,
    interview: Interview,
    upload: Callable[..., TestResponse],
    transcribe: Callable[..., None],
    admin: dict[str, str],
    reads: Callable[[], list[str]],
    *,
    method: str,
    path: str,
) -> None:
    transcribe(upload())
    assert client.open(path.format(id=interview.id), method=method, headers=admin).status_code < 300
    template = path.format(id="<session_id>").replace("q1", "<question_id>")
    assert reads() == [template]


@pytest.mark.parametrize(("method", "path"), READING)
def test_a_read_that_cannot_be_recorded_is_refused(
    client: FlaskClient,
    interview: Interview,
    services: Services,
    admin: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    method: str,
    path: str,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unavailable("The database does not answer at the moment.") from OperationFailure("no")

    monkeypatch.setattr(services.audit._store, "add", refuse)
    reply = client.open(path.format(id=interview.id), method=method, headers=admin)
    assert reply.status_code == 503
    if method != "HEAD":
        assert_problem(reply, 503)
    own = client.open(path.format(id=interview.id), method=method, headers=interview.owner)
    assert own.status_code != 503


def test_a_page_that_polls_leaves_one_row(
    client: FlaskClient, interview: Interview, admin: dict[str, str], reads: Callable[[], list[str]]
) -> None:
    for _ in range(5):
        client.get(f"/api/transcription-status/{interview.id}", headers=admin)
        client.get(f"/api/sessions/{interview.id}", headers=admin)
    assert len(reads()) == 1


def test_the_owner_and_the_candidate_leave_none(
    client: FlaskClient, interview: Interview, reads: Callable[[], list[str]]
) -> None:
    for method, path in READING:
        for headers in (interview.owner, interview.candidate):
            client.open(path.format(id=interview.id), method=method, headers=headers)
    assert reads() == []


def test_what_shows_nothing_that_was_said_is_no_read(
    client: FlaskClient, interview: Interview, admin: dict[str, str], reads: Callable[[], list[str]]
) -> None:
    assert client.post(interview.upload_path(), data=audio(), headers=admin).status_code == 202
    assert client.post(f"/api/sessions/{interview.id}/ticket", headers=admin).status_code == 201
    assert client.post(f"/api/sessions/{interview.id}/link", headers=admin).status_code == 201
    assert reads() == []


def test_what_was_refused_is_no_read(
    client: FlaskClient, services: Services, interview: Interview, reads: Callable[[], list[str]]
) -> None:
    stranger = bearer(services.access.issue(Caller("stranger"), valid_for=timedelta(hours=1)))
    assert client.get(f"/api/sessions/{interview.id}", headers=stranger).status_code == 404
    assert reads() == []
