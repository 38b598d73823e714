"""The stream of a mentor interview, over a real socket: what is told, when it goes on, and when it ends."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import pytest
from flask import Flask

from app import connections
from app.places import Places
from services.container import Services
from tests.api.conftest import RunningServer, assert_problem, fail_the_transcriber
from tests.api.mentor.mentors import Mentor
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.processes import wait_until

Hear = Callable[[], None]
PATIENCE_SECONDS = 20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEARTBEAT_SECONDS", 0.1)


@dataclass(frozen=True)
class Told:
    """One message of a stream."""

    id: str
    stage_id: int
    status: str
    error: str | None = None


class Listener:
    """Reads a stream line by line."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()

    def next(self) -> Told:
        """The next message; signs of life go on for ever where it does not come."""
        deadline, line = time.monotonic() + PATIENCE_SECONDS, ""
        while not line.startswith("id: "):
            assert time.monotonic() < deadline, f"nothing within {PATIENCE_SECONDS} s"
            line = next(self.lines)
        event_id = line.removeprefix("id: ")
        told = json.loads(next(self.lines).removeprefix("data: "))
        return Told(event_id, told["stage_id"], told["status"], (told.get("error") or {}).get("code"))

    def is_quiet(self) -> bool:
        """Whether a heartbeat comes before anything else does."""
        return next(line for line in self.lines if line and not line.startswith("retry")) == ": still here"


@contextmanager
def listening(server: RunningServer, mentor: Mentor, last_event_id: str | None = None) -> Iterator[Listener]:
    headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
    url = f"{server.url}{mentor.path('stream')}"
    with httpx.Client(timeout=10, trust_env=False) as client, client.stream("GET", url, headers=headers) as response:
        assert response.status_code == 200, response.read()
        yield Listener(response)


def states(*told: Told) -> list[tuple[int, str]]:
    return [(each.stage_id, each.status) for each in told]


@pytest.mark.covers("AC-3", "M-stream")
def test_a_stage_is_told_to_be_transcribed_as_soon_as_it_is(server: RunningServer, mentor: Mentor, hear: Hear) -> None:
    with listening(server, mentor) as listener:
        headers = listener.response.headers
        assert headers["Content-Type"].startswith("text/event-stream")
        assert (headers["X-Accel-Buffering"], headers["Cache-Control"]) == ("no", "no-store")
        assert next(listener.lines) == "retry: 2000"
        assert listener.is_quiet()
        mentor.record(2)
        waiting = listener.next()
        # Claims, windows and progress in between change nothing for whoever follows stages.
        hear()
        there = listener.next()
    assert states(waiting, there) == [(2, "pending"), (2, "transcribed")]


def test_each_message_is_what_clients_of_mentors_read(server: RunningServer, mentor: Mentor) -> None:
    mentor.type("in writing", 2)
    with listening(server, mentor) as listener:
        (data,) = (line for line in (next(listener.lines) for _ in range(4)) if line.startswith("data: "))
    assert data == 'data: {"stage_id": 2, "status": "transcribed"}'


@pytest.mark.covers("M-stream")
def test_a_first_connection_hears_how_every_answered_stage_stands(
    server: RunningServer, mentor: Mentor, hear: Hear
) -> None:
    mentor.record(2)
    hear()
    mentor.record(1)
    with listening(server, mentor) as listener:
        told = [listener.next(), listener.next()]
        assert listener.is_quiet()
    assert states(*told) == [(1, "pending"), (2, "transcribed")]


@pytest.mark.covers("M-stream")
def test_whoever_comes_back_hears_what_has_changed_and_nothing_twice(
    server: RunningServer, mentor: Mentor, hear: Hear, services: Services, queue: RememberingQueue
) -> None:
    mentor.type("in writing", 1)
    mentor.record(2)
    with listening(server, mentor) as listener:
        first, second = listener.next(), listener.next()
    assert states(first, second) == [(1, "transcribed"), (2, "pending")]
    # Cut off between the two messages of one snapshot: only the second is told again.
    with listening(server, mentor, first.id) as listener:
        assert listener.next() == second
        assert listener.is_quiet()
    # Nothing has changed since.
    with listening(server, mentor, second.id) as listener:
        assert listener.is_quiet()
    hear()
    with listening(server, mentor, second.id) as listener:
        there = listener.next()
        assert states(there) == [(2, "transcribed")]
        assert listener.is_quiet()
        mentor.record(1)
        again = listener.next()
        assert states(again) == [(1, "pending")]
    hear()
    mentor.record(2)
    with listening(server, mentor, there.id) as listener:
        assert states(listener.next(), listener.next()) == [(1, "transcribed"), (2, "pending")]
        assert listener.is_quiet()


def test_another_take_is_news_also_where_it_stands_as_the_one_before_did(
    server: RunningServer, mentor: Mentor, hear: Hear
) -> None:
    mentor.record(1)
    hear()
    with listening(server, mentor) as listener:
        before = listener.next()
    mentor.record(1)
    hear()
    with listening(server, mentor, before.id) as listener:
        after = listener.next()
        assert listener.is_quiet()
    assert states(before, after) == [(1, "transcribed"), (1, "transcribed")]
    assert before.id != after.id


@pytest.mark.parametrize("strange", ["x", "7", "-1", "1;1t", "0;1t00000000", "1;" * 500, "1;1q0a9c4143", "\x7f"])
def test_an_id_that_is_not_ours_is_as_none(server: RunningServer, mentor: Mentor, strange: str) -> None:
    mentor.type("in writing")
    with listening(server, mentor, strange) as listener:
        assert states(listener.next()) == [(1, "transcribed")]


@pytest.mark.covers("M-submit", "M-stream")
def test_submitting_is_told_of_every_transcript_also_of_one_that_lands_later(
    server: RunningServer, mentor: Mentor, hear: Hear
) -> None:
    mentor.type("in writing", 1)
    mentor.record(2)
    with listening(server, mentor) as listener:
        assert states(listener.next(), listener.next()) == [(1, "transcribed"), (2, "pending")]
        mentor.submit()
        assert states(listener.next()) == [(1, "submitted")]
        hear()
        assert states(listener.next()) == [(2, "submitted")]


@pytest.mark.covers("AC-5")
def test_a_failure_is_told_with_its_reason_and_a_new_answer_without(
    server: RunningServer, mentor: Mentor, hear: Hear, transcriber: ScriptedTranscriber
) -> None:
    fail_the_transcriber(transcriber)
    with listening(server, mentor) as listener:
        mentor.record(1)
        assert listener.next().error is None
        hear()
        failed = listener.next()
        assert (failed.status, failed.error) == ("pending", "bad_audio")
        mentor.type("in writing")
        there = listener.next()
        assert (there.status, there.error) == ("transcribed", None)


def test_a_revoked_link_ends_its_streams_at_once(
    server: RunningServer, mentor: Mentor, services: Services, app: Flask
) -> None:
    with listening(server, mentor) as listener:
        assert listener.is_quiet()
        owner = services.access.caller_of(mentor.interview.owner["Authorization"].removeprefix("Bearer "))
        services.links.revoke(owner, services.sessions.get(owner, mentor.interview.id))
        assert [line for line in listener.lines if line.startswith("data")] == []
    assert_problem(mentor.get("stream"), 401)


def test_streams_take_places_and_give_them_back(server: RunningServer, mentor: Mentor, app: Flask, settings) -> None:
    places = app.extensions["parley_sockets"]
    free = places.free
    with listening(server, mentor) as listener:
        assert listener.is_quiet()
        assert places.free == free - 1
    wait_until(lambda: places.free == free)
    app.extensions["parley_sockets"] = Places(0, 0)
    refused = mentor.get("stream")
    assert_problem(refused, 503, "too_many_sockets")
    assert refused.headers["Retry-After"]
