"""Links of interviews: revoked at once, replaced by another, by their owner or an admin only, and never silently."""

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer
from tests.factories import settings_with


def actions(services: Services, interview: Interview) -> list[str]:
    return [row.action for row in services.audit.list_of(session_id=interview.id).rows]


def test_a_revoked_link_opens_nothing_and_the_owner_goes_on(
    client: FlaskClient, services: Services, interview: Interview
) -> None:
    path = f"/api/sessions/{interview.id}"
    for _ in range(2):
        reply = client.delete(f"{path}/link", headers=interview.owner)
        assert (reply.status_code, reply.text) == (204, "")
        assert_problem(client.get(path, headers=interview.candidate), 401)
        assert_problem(client.get(f"/?token={interview.link_token}"), 401)
    assert client.get(path, headers=interview.owner).get_json()["seq"] == 1
    assert actions(services, interview) == ["link.revoke", "link.revoke"]


def test_links_of_many_sessions_can_be_revoked(
    client: FlaskClient, interview: Interview, other_interview: Interview
) -> None:
    for each in (interview, other_interview):
        assert client.delete(f"/api/sessions/{each.id}/link", headers=each.owner).status_code == 204


@pytest.mark.parametrize("was_revoked", [False, True])
def test_a_new_link_takes_the_place_of_the_old(
    client: FlaskClient, services: Services, interview: Interview, was_revoked: bool
) -> None:
    path = f"/api/sessions/{interview.id}"
    if was_revoked:
        client.delete(f"{path}/link", headers=interview.owner)
    reply = client.post(f"{path}/link", headers=interview.owner)
    assert (reply.status_code, set(reply.get_json())) == (201, {"link", "link_expires_at"})
    token = reply.get_json()["link"].rpartition("/?token=")[2]
    assert len(token) >= 43
    assert_problem(client.get(path, headers=interview.candidate), 401)
    assert client.get(path, headers=bearer(token)).status_code == 200
    assert actions(services, interview)[0] == "link.create"


def test_a_candidate_may_neither_revoke_nor_replace(client: FlaskClient, interview: Interview) -> None:
    path = f"/api/sessions/{interview.id}/link"
    for reply in (client.delete(path, headers=interview.candidate), client.post(path, headers=interview.candidate)):
        assert_problem(reply, 403, "forbidden")


def test_the_cookie_lasts_no_longer_than_the_link(
    client: FlaskClient, interview: Interview, database: MongoDatabase, token: str
) -> None:
    def seconds() -> int:
        header = client.get(f"/?token={interview.link_token}").headers["Set-Cookie"]
        return int(header.partition("Max-Age=")[2].partition(";")[0])

    fourteen_days = 14 * 24 * 3600
    assert fourteen_days - 60 < seconds() <= fourteen_days
    soon = datetime.fromtimestamp(datetime.now(UTC).timestamp() + 100, UTC)
    database["interview_sessions"].update_one({"_id": interview.id}, {"$set": {"link.expires_at": soon}})
    assert 60 < seconds() <= 100


def test_signing_out_takes_the_cookie_away(app: Flask, services: Services, interview: Interview) -> None:
    browser = create_app(settings_with(public_url="https://localhost"), services).test_client()
    path = f"/api/sessions/{interview.id}"
    browser.get(f"/?token={interview.link_token}", base_url="https://localhost")
    assert browser.get(path, base_url="https://localhost").status_code == 200
    reply = browser.delete("/api/cookie", base_url="https://localhost", headers={"Origin": "https://localhost"})
    assert reply.status_code == 204
    assert {"HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=0"} <= set(reply.headers["Set-Cookie"].split("; "))
    assert_problem(browser.get(path, base_url="https://localhost"), 401)


def test_another_sites_page_cannot_sign_anybody_out(app: Flask, interview: Interview) -> None:
    browser = app.test_client()
    browser.get(f"/?token={interview.link_token}")
    reply = browser.delete("/api/cookie", headers={"Origin": "https://evil.example"})
    assert_problem(reply, 403, "foreign_origin")
    assert browser.get(f"/api/sessions/{interview.id}").status_code == 200
