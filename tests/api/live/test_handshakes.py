"""Who may not listen is refused by the real server before anything is upgraded or streamed."""

import httpx
import pytest

from config import Settings
from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import RunningServer
from tests.api.credentials import NOBODY, OTHER_LINKS, SIGNED_TOKENS, STRANGERS, Shown, World, bearer, signed, ticket
from tests.api.live.listeners import WAYS, websocket
from tests.api.test_gunicorn import gunicorn  # noqa: F401 (the fixture)
from tests.factories import settings_with

UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
EVERYBODY = {
    **{name: (credential, 401) for name, credential in NOBODY.items()},
    **{name: (credential, 404) for name, credential in {**STRANGERS, **OTHER_LINKS}.items()},
}


@pytest.fixture
def settings() -> Settings:
    return settings_with(**SIGNED_TOKENS)


@pytest.fixture
def world(services: Services, database: MongoDatabase) -> World:
    return World(services, database)


def status_of(server: RunningServer, world: World, shown: Shown, way: str, origin: dict[str, str]) -> int:
    path = f"/ws/sessions/{world.session_id}" if way == "websocket" else f"/api/sessions/{world.session_id}/events"
    headers = {**shown.headers, **origin, **(UPGRADE if way == "websocket" else {})}
    raw = [(name.encode(), value.strip().encode("latin-1")) for name, value in headers.items()]
    # A stream that begins, or an upgrade, would not end: only the status is waited for.
    with (
        httpx.Client(timeout=10, trust_env=False) as client,
        client.stream("GET", f"{server.url}{path}{shown.query}", headers=raw) as reply,
    ):
        return reply.status_code


@WAYS
def test_everybody_without_a_right_is_refused_by_the_real_server(
    gunicorn: RunningServer,  # noqa: F811
    world: World,
    way: str,
) -> None:
    for name, (credential, expected) in EVERYBODY.items():
        assert (name, status_of(gunicorn, world, credential(world), way, {})) == (name, expected)


@WAYS
def test_another_sites_page_is_refused_whatever_it_shows(
    gunicorn: RunningServer,  # noqa: F811
    world: World,
    way: str,
) -> None:
    foreign = {"Origin": "https://evil.example"}
    cookie = Shown({"Cookie": f"parley_token={world.mine.link_token}"})
    for shown in (bearer(world.mine.link_token), cookie, ticket(world.ticket())):
        assert status_of(gunicorn, world, shown, way, foreign) == 403


@pytest.mark.parametrize("way_in", ["link", "signed token", "cookie", "ticket"])
def test_who_may_listen_does(gunicorn: RunningServer, world: World, way_in: str) -> None:  # noqa: F811
    shown = {
        "link": lambda: bearer(world.mine.link_token),
        "signed token": lambda: bearer(signed("ada")),
        "cookie": lambda: Shown({"Cookie": f"parley_token={world.mine.link_token}"}),
        "ticket": lambda: ticket(world.ticket()),
    }[way_in]()
    with websocket(gunicorn, world.session_id + shown.query, shown.headers) as socket:
        assert '"snapshot"' in socket.receive(timeout=10)
