"""Webhooks over HTTP: one's own endpoints, their secrets, what was delivered, and delivering it again."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from config import Settings
from services.container import Services
from services.models import Caller, Status
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, bearer
from tests.factories import settings_with
from tests.fakes import RememberingQueue
from tests.stores import MODEL, Stores, build_stores, transcript_of
from tests.webhook_receiver import Receiver, answering

pytestmark = pytest.mark.covers("Q-webhooks")


@pytest.fixture
def settings() -> Settings:
    return settings_with(webhook_allowed_hosts=("127.0.0.1",))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


class Api:
    """What an owner does, as requests."""

    def __init__(self, client: FlaskClient, token: str) -> None:
        self.client, self.headers = client, bearer(token)

    def post(self, path: str = "", **body: Any) -> TestResponse:
        return self.client.post(f"/api/webhooks{path}", json=body or None, headers=self.headers)

    def get(self, path: str = "") -> TestResponse:
        return self.client.get(f"/api/webhooks{path}", headers=self.headers)

    def patch(self, path: str, **body: Any) -> TestResponse:
        return self.client.patch(f"/api/webhooks{path}", json=body, headers=self.headers)

    def delete(self, path: str) -> TestResponse:
        return self.client.delete(f"/api/webhooks{path}", headers=self.headers)

    def add(self, url: str, **body: Any) -> dict[str, Any]:
        reply = self.post(url=url, **body)
        assert reply.status_code == 201, reply.text
        found: dict[str, Any] = reply.get_json()
        assert reply.headers["Location"] == f"/api/webhooks/{found['id']}"
        return found


@pytest.fixture
def api(client: FlaskClient, token: str) -> Api:
    return Api(client, token)


def work(services: Services, queue: RememberingQueue) -> None:
    while queue.deliveries:
        services.webhook_delivering.deliver(queue.deliveries.pop(0))


def test_an_endpoint_is_made_read_changed_and_deleted(api: Api, receiver: Receiver) -> None:
    made = api.add(receiver.url(), events=["answer.failed"], description="ours")
    assert made["secret"].startswith("whsec_")
    shown = api.get(f"/{made['id']}").get_json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown["is_enabled"] is shown["is_ready"] is True
    assert api.get().get_json() == {"webhooks": [shown]}
    changed = api.patch(f"/{made['id']}", events=[], is_enabled=False).get_json()
    assert (changed["events"], changed["is_enabled"], changed["disabled"]["reason"]) == ([], False, "by_owner")
    assert changed["description"] == "ours"
    assert api.patch(f"/{made['id']}", is_enabled=True).get_json()["disabled"] is None
    assert api.delete(f"/{made['id']}").status_code == 204
    assert_problem(api.get(f"/{made['id']}"), 404)


def test_a_secret_is_shown_once_and_never_in_the_database_or_the_log(
    api: Api, receiver: Receiver, database: MongoDatabase, capfd: pytest.CaptureFixture[str]
) -> None:
    made = api.add(receiver.url("/with-a-key-in-it"))
    rotated = api.post(f"/{made['id']}/secret")
    assert rotated.status_code == 201
    newer = rotated.get_json()["secret"]
    assert newer != made["secret"]
    stored = str({name: list(database[name].find()) for name in database.list_collection_names()})
    written = "".join(capfd.readouterr())
    shown = api.get(f"/{made['id']}").text + api.get().text
    for secret in (made["secret"], newer):
        assert secret not in stored + written + shown
    assert "with-a-key-in-it" not in written
    assert {row["action"] for row in database["audit"].find()} == {"webhook.create", "webhook.rotate_secret"}


def test_a_repeated_key_shows_the_same_secret_and_makes_no_second_endpoint(api: Api, receiver: Receiver) -> None:
    replies = [
        api.client.post(
            "/api/webhooks", json={"url": receiver.url()}, headers={**api.headers, "Idempotency-Key": "once"}
        ).get_json()
        for _ in range(2)
    ]
    assert replies[0] == replies[1]
    assert len(api.get().get_json()["webhooks"]) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": ""},
        {"url": "http://example.com/"},
        {"url": "https://10.0.0.1/"},
        {"url": "https://[::ffff:127.0.0.1]/"},
        {"url": "https://169.254.169.254/latest/meta-data/"},
        {"url": "https://user@127.0.0.1/"},
        {"url": "https://2130706433/"},
        {"url": 7},
        {"url": "http://127.0.0.1/", "events": ["answer.exploded"]},
        {"url": "http://127.0.0.1/", "events": "answer.failed"},
        {"url": "http://127.0.0.1/", "description": "x" * 201},
        {"url": "http://127.0.0.1/", "description": "\ud800"},
        {"url": "http://127.0.0.1/", "include_transcript": True},
    ],
)
def test_what_is_not_right_is_refused_and_nothing_stored(
    api: Api, database: MongoDatabase, body: dict[str, Any]
) -> None:
    assert_problem(api.client.post("/api/webhooks", json=body, headers=api.headers), 422)
    assert database["webhooks"].count_documents({}) == 0


def test_an_address_is_judged_when_it_is_changed_too(api: Api, receiver: Receiver) -> None:
    made = api.add(receiver.url())
    assert_problem(api.patch(f"/{made['id']}", url="https://10.0.0.1/"), 422, code="webhook_address_refused")
    assert api.get(f"/{made['id']}").get_json()["url"] == receiver.url()
    assert_problem(api.patch(f"/{made['id']}"), 422)


def test_there_are_ten_at_most(api: Api, receiver: Receiver) -> None:
    for _ in range(10):
        api.add(receiver.url())
    assert_problem(api.post(url=receiver.url()), 409, code="too_many_webhooks")


def test_another_person_finds_nothing_of_it(
    api: Api, client: FlaskClient, services: Services, receiver: Receiver, queue: RememberingQueue
) -> None:
    made = api.add(receiver.url())
    sent = api.post(f"/{made['id']}/test").get_json()
    before = api.get(f"/{made['id']}").get_json()
    other = Api(client, services.access.issue(Caller("bob"), valid_for=timedelta(hours=1)))
    one = f"/{made['id']}"
    for reply in (
        other.get(one),
        other.patch(one, is_enabled=False),
        other.delete(one),
        other.post(f"{one}/secret"),
        other.post(f"{one}/test"),
        other.get(f"{one}/deliveries"),
        other.post(f"{one}/deliveries/{sent['id']}/replay"),
        other.post(f"{one}/replay", since="2026-01-01T00:00:00Z"),
    ):
        assert_problem(reply, 404)
    assert other.get().get_json() == {"webhooks": []}
    assert api.get(one).get_json() == before
    # Nor through an endpoint of their own.
    theirs = other.add(receiver.url())
    assert_problem(other.post(f"/{theirs['id']}/deliveries/{sent['id']}/replay"), 404)


def test_a_test_event_goes_the_way_of_all(
    api: Api, services: Services, queue: RememberingQueue, receiver: Receiver
) -> None:
    made = api.add(receiver.url(), events=["feedback.failed"])
    reply = api.post(f"/{made['id']}/test")
    assert reply.status_code == 202
    sent = reply.get_json()
    assert (sent["type"], sent["status"]) == ("webhook.test", "queued")
    work(services, queue)
    (received,) = receiver.received
    assert received.id == sent["id"]
    (listed,) = api.get(f"/{made['id']}/deliveries").get_json()["deliveries"]
    assert (listed["status"], listed["attempts"], listed["response_status"]) == ("completed", 1, 204)
    api.patch(f"/{made['id']}", is_enabled=False)
    assert_problem(api.post(f"/{made['id']}/test"), 409, code="webhook_disabled")


def test_deliveries_are_listed_newest_first_page_by_page_and_nothing_a_receiver_said_is_kept(
    api: Api, services: Services, queue: RememberingQueue, receiver: Receiver
) -> None:
    made = api.add(receiver.url())
    receiver.script = [answering(500, b"inner secrets")]
    sent = [api.post(f"/{made['id']}/test").get_json()["id"] for _ in range(5)]
    work(services, queue)
    found, path = [], f"/{made['id']}/deliveries?limit=2"
    cursor = ""
    while True:
        page = api.get(path + cursor).get_json()
        found += page["deliveries"]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert [each["id"] for each in found] == sent[::-1]
    failing = api.get(f"/{made['id']}/deliveries?status=queued").get_json()["deliveries"]
    (waiting,) = failing
    assert (waiting["response_status"], waiting["error"]["code"]) == (500, "refused")
    assert waiting["next_attempt_at"] > waiting["attempted_at"]
    assert "inner secrets" not in str(found)
    assert_problem(api.get(f"/{made['id']}/deliveries?cursor=x"), 422)
    assert_problem(api.get(f"/{made['id']}/deliveries?status=lost"), 422)


def test_one_is_replayed_and_all_that_failed_since_a_time(
    api: Api, services: Services, queue: RememberingQueue, receiver: Receiver, database: MongoDatabase
) -> None:
    made = api.add(receiver.url())
    sent = [api.post(f"/{made['id']}/test").get_json()["id"] for _ in range(3)]
    queue.deliveries.clear()
    database["webhook_deliveries"].update_many({}, {"$set": {"status": Status.FAILED}})
    one = api.post(f"/{made['id']}/deliveries/{sent[0]}/replay")
    assert one.status_code == 202
    assert (one.get_json()["status"], one.get_json()["replays"]) == ("queued", 1)
    every = api.post(f"/{made['id']}/replay", since="2026-01-01T00:00:00+02:00")
    assert every.status_code == 202
    assert every.get_json() == {"replayed": 2, "has_more": False}
    work(services, queue)
    assert sorted(each.id for each in receiver.received) == sorted(sent)
    database["webhook_deliveries"].update_one({}, {"$set": {"status": Status.PROCESSING}})
    held = database["webhook_deliveries"].find_one({"status": Status.PROCESSING})
    assert held is not None
    busy = api.post(f"/{made['id']}/deliveries/msg_{held['event_id']}/replay")
    assert_problem(busy, 409, code="delivery_in_flight")
    for path in (f"/deliveries/msg_{'0' * 24}/replay", f"/deliveries/{'0' * 28}/replay"):
        assert_problem(api.post(f"/{made['id']}{path}"), 404)
    for since in ("yesterday", "2026-01-01T00:00:00", "0001-01-01T00:00:00+14:00"):
        assert_problem(api.post(f"/{made['id']}/replay", since=since), 422)


def test_an_interview_is_told_of_and_what_was_told_goes_with_it(
    api: Api,
    interview: Interview,
    services: Services,
    queue: RememberingQueue,
    database: MongoDatabase,
    receiver: Receiver,
) -> None:
    api.add(receiver.url())
    stores: Stores = build_stores(database)
    ref = stores.accept(interview.id)
    stores.answers.complete(stores.claim(ref), transcript_of(), MODEL)
    services.webhook_dispatch.hint(interview.id)
    work(services, queue)
    (received,) = receiver.received
    assert interview.id.encode() in received.body
    assert database["webhook_deliveries"].count_documents({"session_id": interview.id}) == 1
    assert api.client.delete(f"/api/sessions/{interview.id}", headers=api.headers).status_code == 200
    assert database["webhook_deliveries"].count_documents({}) == 0
