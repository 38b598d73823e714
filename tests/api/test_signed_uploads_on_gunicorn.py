"""Signed addresses on the real server: bodies that stall, end too soon or hide their length; processes that die."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Barrier

import httpx
import pytest
from flask.testing import FlaskClient

from services.container import Services
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, RunningServer
from tests.api.signed_uploads import Address, address_for
from tests.api.test_gunicorn import gunicorn  # noqa: F401 (the fixture)
from tests.api.test_killed_uploads import Mortal, age, check_nothing_is_left, mortal  # noqa: F401 (the fixture)
from tests.factories import wav_of
from tests.processes import wait_until
from tests.stores import Stores

LONG_WAV = wav_of(20)  # several chunks
# Of a server that was given to the tests; the embedded one takes 8 s.
TRANSACTION_SECONDS = 120


@pytest.fixture
def address(client: FlaskClient, interview: Interview) -> Address:
    return address_for(client, interview, bytes=len(LONG_WAV))


@pytest.fixture
def kept(database: MongoDatabase) -> Callable[[], tuple[int, int]]:
    """How many uploads there are, begun or waiting, and how many chunks."""
    return lambda: (database["uploads"].count_documents({}), len(database["fs.chunks"].distinct("files_id")))


def send(url: str, address: Address, content: bytes | Iterator[bytes] = LONG_WAV) -> httpx.Response:
    with httpx.Client(timeout=30, trust_env=False) as client:
        return client.put(url + address.target, content=content, headers={"Content-Type": "audio/wav"})


def use(url: str, interview: Interview, address: Address) -> httpx.Response:
    path = f"{interview.upload_path()}/from-upload"
    with httpx.Client(timeout=30, trust_env=False) as client:
        return client.post(url + path, json={"object_key": address.object_key}, headers=interview.candidate)


def line_to(server: RunningServer, address: Address, *headers: str) -> socket.socket:
    line = socket.create_connection((server.host, server.port), timeout=30)
    head = [f"PUT {address.target} HTTP/1.1", "Host: x", "Content-Type: audio/wav", *headers, "", ""]
    line.sendall("\r\n".join(head).encode())
    return line


def status_of(line: socket.socket) -> int:
    return int(line.makefile("rb").readline().split()[1])


def test_an_upload_and_its_replay(gunicorn: RunningServer, interview: Interview, address: Address, stores: Stores):  # noqa: F811
    first, again = send(gunicorn.url, address), send(gunicorn.url, address)
    assert (first.status_code, again.status_code, again.json()["code"]) == (201, 409, "upload_url_used")
    used, twice = use(gunicorn.url, interview, address), use(gunicorn.url, interview, address)
    assert (used.status_code, twice.json()) == (202, used.json())
    assert send(gunicorn.url, address).status_code == 409
    check_nothing_is_left(stores, interview)


def test_of_eight_uploads_at_once_one_is_kept(
    gunicorn: RunningServer,  # noqa: F811
    address: Address,
    kept: Callable[[], tuple[int, int]],
    services: Services,
    database: MongoDatabase,
) -> None:
    barrier = Barrier(8)

    def attempt(_: int) -> int:
        barrier.wait()
        return send(gunicorn.url, address).status_code

    with ThreadPoolExecutor(8) as clients:
        assert sorted(clients.map(attempt, range(8))) == [201, *[409] * 7]
    # Who lost gives up tidying within a moment, and leaves it to the sweep.
    past = {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}}
    database["uploads"].update_many({"is_kept": {"$ne": True}}, past)
    services.recovery.sweep()
    assert kept() == (1, 1)


def test_a_body_that_does_not_say_its_length_is_refused(gunicorn: RunningServer, address: Address, kept):  # noqa: F811
    chunked = send(gunicorn.url, address, iter([LONG_WAV]))
    assert (chunked.status_code, chunked.json()["code"]) == (411, "length_required")
    with closing(line_to(gunicorn, address)) as line:
        assert status_of(line) == 411
    assert kept() == (0, 0)


@pytest.mark.parametrize(
    "lengths",
    [
        [f"Content-Length: {len(LONG_WAV)}", "Transfer-Encoding: chunked"],
        [f"Content-Length: {len(LONG_WAV)}", "Content-Length: 4"],
        [f"Content-Length: {len(LONG_WAV)},4"],
        ["Content-Length: -1"],
        [f"Content-Length: +{len(LONG_WAV)}"],
    ],
)
def test_a_body_of_two_lengths_is_refused(gunicorn: RunningServer, address: Address, kept, lengths: list[str]):  # noqa: F811
    with closing(line_to(gunicorn, address, *lengths)) as line:
        assert status_of(line) in (400, 411)
    assert kept() == (0, 0)


def test_a_body_that_ends_too_soon_is_not_kept_and_may_come_again(gunicorn: RunningServer, address: Address, kept):  # noqa: F811
    with closing(line_to(gunicorn, address, f"Content-Length: {len(LONG_WAV)}")) as line:
        line.sendall(LONG_WAV[:-1])
        line.shutdown(socket.SHUT_WR)
        assert status_of(line) == 422
    assert kept() == (0, 0)
    assert send(gunicorn.url, address).status_code == 201


def test_what_comes_after_the_signed_bytes_is_no_part_of_them(gunicorn: RunningServer, address: Address, kept):  # noqa: F811
    with closing(line_to(gunicorn, address, f"Content-Length: {len(LONG_WAV)}", "Connection: close")) as line:
        line.sendall(LONG_WAV + b"more of it")
        assert status_of(line) == 201
    assert kept() == (1, 1)


def test_an_upload_that_stalls_does_not_hold_the_address(gunicorn: RunningServer, address: Address, kept):  # noqa: F811
    with closing(line_to(gunicorn, address, f"Content-Length: {len(LONG_WAV)}")) as stalled:
        stalled.sendall(LONG_WAV[:100_000])
        assert send(gunicorn.url, address).status_code == 201
        stalled.sendall(LONG_WAV[100_000:])
        assert status_of(stalled) == 409
    assert kept() == (1, 1)


def when_it_can(mortal: Mortal, call: Callable[[], httpx.Response]) -> httpx.Response:  # noqa: F811
    """The reply of a server that comes back; the transaction of who died in it is in the way for some seconds."""
    replies: list[httpx.Response] = []

    def is_answered() -> bool:
        replies.append(call())
        return replies[-1].status_code != 503

    wait_until(mortal.answers)
    wait_until(is_answered, TRANSACTION_SECONDS)
    return replies[-1]


def collect(services: Services, database: MongoDatabase) -> None:
    """What the sweep does once the time of every upload is over."""
    age(database)
    services.recovery.sweep()


@pytest.mark.parametrize("where", ["while it is kept", "after it is kept"])
def test_a_process_that_is_killed_during_an_upload_costs_nothing(
    mortal: Mortal,  # noqa: F811
    interview: Interview,
    address: Address,
    services: Services,
    stores: Stores,
    where: str,
) -> None:
    mortal.end("kill", where)
    with pytest.raises(httpx.TransportError):
        send(mortal.url, address)
    again = when_it_can(mortal, lambda: send(mortal.url, address))
    # Where it was kept already, its client is told so, and may use it.
    assert again.status_code == (409 if where == "after it is kept" else 201), again.text
    assert use(mortal.url, interview, address).status_code == 202
    collect(services, stores.database)
    check_nothing_is_left(stores, interview)


@pytest.mark.parametrize("where", ["inside the transaction", "after the transaction"])
def test_a_process_that_is_killed_while_an_upload_becomes_the_answer_loses_nothing(
    mortal: Mortal,  # noqa: F811
    interview: Interview,
    address: Address,
    services: Services,
    stores: Stores,
    where: str,
) -> None:
    assert send(mortal.url, address).status_code == 201
    mortal.end("kill", where)
    with pytest.raises(httpx.TransportError):
        use(mortal.url, interview, address)
    used = when_it_can(mortal, lambda: use(mortal.url, interview, address))
    assert used.status_code == 202, used.text
    assert stores.session(interview.id)["answers"]["q1"]["id"] == used.json()["answer_id"]
    collect(services, stores.database)
    check_nothing_is_left(stores, interview)


def test_what_killed_uploads_leave_is_collected(
    mortal: Mortal,  # noqa: F811
    interview: Interview,
    address: Address,
    services: Services,
    stores: Stores,
) -> None:
    for where in ("after the marker", "after the chunks", "after it is kept"):
        mortal.end("kill", where)
        with pytest.raises(httpx.TransportError):
            send(mortal.url, address)
        wait_until(mortal.answers)
    assert stores.database["uploads"].count_documents({}) == 3
    collect(services, stores.database)
    check_nothing_is_left(stores, interview)
    assert send(mortal.url, address).status_code == 409
