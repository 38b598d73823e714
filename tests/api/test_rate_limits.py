"""Who asks too often is told when to ask again; limits are a caller's own, and hold while Redis is away."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.rate_limits import COSTLY, EXEMPT_BLUEPRINTS, UPLOADS
from scripts.embedded_redis import EmbeddedRedis
from services.container import Services
from tests.api.conftest import QUESTIONS, Interview, assert_problem, audio, bearer
from tests.api.test_unread_bodies import MIB
from tests.factories import settings_with
from tests.processes import wait_until

# What a request may take while Redis hangs: its read time-out and a little, on a busy machine.
HANGING_SECONDS = 1.9


def limited(services: Services, **changes: Any) -> FlaskClient:
    return create_app(settings_with(**changes), services).test_client()


def statuses(client: FlaskClient, times: int, headers: dict[str, str], path: str = "/api/sessions") -> list[int]:
    return [client.get(path, headers=headers).status_code for _ in range(times)]


def test_who_asks_too_often_is_told_when_to_ask_again(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit="3/minute")
    assert statuses(client, 3, interview.owner) == [200, 200, 200]
    reply = client.get("/api/sessions", headers=interview.owner)
    problem = assert_problem(reply, 429, "rate_limited")
    assert problem["retryable"] is True
    assert 1 <= int(reply.headers["Retry-After"]) <= 61
    assert reply.headers["RateLimit-Limit"] == "3"
    assert reply.headers["RateLimit-Remaining"] == "0"
    assert reply.headers["RateLimit-Reset"] == reply.headers["Retry-After"]


def test_after_retry_after_the_next_request_is_taken(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit="2/second")
    wait_until(lambda: 429 in statuses(client, 4, interview.owner))
    refused_at = time.time()
    seconds = int(client.get("/api/sessions", headers=interview.owner).headers.get("Retry-After", "0"))
    wait_until(lambda: time.time() >= refused_at + seconds)
    assert client.get("/api/sessions", headers=interview.owner).status_code == 200


def test_every_caller_has_limits_of_its_own(
    services: Services, interview: Interview, other_interview: Interview
) -> None:
    client = limited(services, rate_limit="2/minute")
    path = "/api/sessions/{}"
    assert statuses(client, 3, interview.candidate, path.format(interview.id)) == [200, 200, 429]
    assert statuses(client, 3, other_interview.candidate, path.format(other_interview.id)) == [200, 200, 429]
    assert statuses(client, 3, interview.owner, path.format(interview.id)) == [200, 200, 429]


@pytest.mark.covers("I-rate-limit", "Q-limits")
def test_uploads_have_a_limit_of_their_own(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit_uploads="1/minute")
    assert client.post(interview.upload_path(), data=audio(), headers=interview.candidate).status_code == 202
    reply = client.post(interview.upload_path(), data=audio(), headers=interview.candidate)
    assert_problem(reply, 429, "rate_limited")
    assert int(reply.headers["Retry-After"]) >= 1
    assert statuses(client, 5, interview.candidate, f"/api/sessions/{interview.id}") == [200] * 5


def test_costly_requests_have_a_limit_of_their_own(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit_costly="2/minute")
    start = {"json": {"questions": QUESTIONS}, "headers": interview.owner}
    assert client.post("/api/sessions", **start).status_code == 201
    assert client.post(f"/api/analyze/{interview.id}", headers=interview.owner).status_code == 200
    assert_problem(client.post("/api/sessions", **start), 429, "rate_limited")
    compare = f"/api/sessions/{interview.id}/answers/q1/transcript/diff?from=1&to=2"
    assert statuses(client, 3, interview.candidate, compare) == [404, 404, 429]
    assert statuses(client, 3, interview.owner) == [200] * 3


def test_every_route_with_a_limit_of_its_own_exists(app: Flask) -> None:
    assert set(app.view_functions) >= UPLOADS | COSTLY


def test_no_route_can_forget_to_count(app: Flask) -> None:
    check = app.extensions["parley_rate_limit_check"]
    for name, rule in app.extensions["parley_auth_rules"].items():
        # Right after the rule that names the caller, and before everything else.
        counted = app.before_request_funcs[name][:2] == [rule, check]
        assert counted is (name not in EXEMPT_BLUEPRINTS), name


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/version", "/api/docs/", "/api/openapi.json"])
def test_probes_and_documents_are_never_refused(services: Services, path: str) -> None:
    client = limited(services, rate_limit="1/minute")
    assert 429 not in statuses(client, 4, {}, path)


def test_who_looks_for_other_peoples_sessions_is_counted(
    services: Services, interview: Interview, other_interview: Interview
) -> None:
    client = limited(services, rate_limit="2/minute")
    assert statuses(client, 3, interview.candidate, f"/api/sessions/{other_interview.id}") == [404, 404, 429]


def test_tokens_cannot_be_guessed_at_speed(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit="3/minute")
    guesses = [client.get("/api/sessions", headers=bearer(f"guess-{n}")).status_code for n in range(5)]
    assert guesses == [401, 401, 401, 429, 429]
    # Not even a right guess is looked at now.
    reply = client.get("/api/sessions", headers=interview.owner)
    assert_problem(reply, 429, "rate_limited")
    assert int(reply.headers["Retry-After"]) >= 1
    assert client.get(f"/?token={interview.link_token}").status_code == 429
    other = {"REMOTE_ADDR": "192.0.2.7"}
    assert client.get("/api/sessions", headers=interview.owner, environ_overrides=other).status_code == 200


def test_tickets_cannot_be_guessed_at_speed_by_who_once_had_one(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit="3/minute")

    def listen(ticket: str) -> int:
        with client.get(f"/api/sessions/{interview.id}/events?ticket={ticket}") as reply:
            return reply.status_code

    right = [services.tickets.issue(services.access.grant_of(interview.link_token), interview.id) for _ in range(2)]
    assert listen(right[0].ticket) == 200
    assert [listen(f"guess-{n}") for n in range(5)] == [401, 401, 401, 429, 429]
    assert listen(right[1].ticket) == 429


def test_a_guesser_does_not_lock_out_who_was_there_before(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit="5/minute")
    assert client.get("/api/sessions", headers=interview.owner).status_code == 200
    for n in range(7):
        client.get("/api/sessions", headers=bearer(f"guess-{n}"))
    assert client.get("/api/sessions", headers=interview.owner).status_code == 200


@pytest.mark.parametrize(
    ("first", "second", "is_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
    ],
)
def test_addresses_are_counted_as_their_owner_has_them(
    services: Services, first: str, second: str, is_same: bool
) -> None:
    client = limited(services, rate_limit="1/minute")
    for _ in range(2):
        client.get("/api/sessions", environ_overrides={"REMOTE_ADDR": first})
    reply = client.get("/api/sessions", environ_overrides={"REMOTE_ADDR": second})
    assert reply.status_code == (429 if is_same else 401)


def test_it_is_refused_before_its_body_is_read(services: Services, interview: Interview) -> None:
    client = limited(services, rate_limit_uploads="1/minute")
    client.post(interview.upload_path(), data=audio(), headers=interview.candidate)

    class Unreadable:
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

        readline = readinto = read

    environ = {
        "wsgi.input": Unreadable(),
        "CONTENT_LENGTH": str(MIB),
        "CONTENT_TYPE": "multipart/form-data; boundary=b",
    }
    reply = client.post(interview.upload_path(), headers=interview.candidate, environ_overrides=environ)
    assert_problem(reply, 429, "rate_limited")


@pytest.mark.redis
def test_processes_share_their_limits_through_redis(
    services: Services, interview: Interview, own_redis_url: str
) -> None:
    one, two = (limited(services, rate_limit="4/minute", redis_url=own_redis_url) for _ in range(2))
    assert statuses(one, 2, interview.owner) + statuses(two, 2, interview.owner) == [200] * 4
    assert statuses(one, 1, interview.owner) + statuses(two, 1, interview.owner) == [429, 429]
    with redis.Redis.from_url(own_redis_url) as store:
        keys = list(store.scan_iter())
        assert keys
        assert all(key.startswith(b"parley-limits:") and store.ttl(key) > 0 for key in keys)


@contextmanager
def broken(server: EmbeddedRedis, how: str) -> Iterator[None]:
    assert server.pid is not None
    if how == "hung":
        os.kill(server.pid, signal.SIGSTOP)
        yield
        os.kill(server.pid, signal.SIGCONT)
        return
    server.stop()
    yield
    server.start()


@pytest.mark.redis
@pytest.mark.parametrize("how", ["hung", "stopped"])
def test_limits_hold_while_redis_is_away_and_come_back_to_it(
    services: Services, interview: Interview, how: str
) -> None:
    with EmbeddedRedis() as server:
        client = limited(services, rate_limit="5/second", redis_url=server.uri)
        assert statuses(client, 1, interview.owner) == [200]
        with broken(server, how):
            slow = []
            for _ in range(40):
                began = time.monotonic()
                client.get("/api/sessions", headers=interview.owner)
                slow.append(time.monotonic() - began)
            assert max(slow) < HANGING_SECONDS
            assert sum(seconds > 0.5 for seconds in slow) <= 1, slow
            assert 429 in statuses(client, 7, interview.owner)
        with redis.Redis.from_url(server.uri) as store:
            store.flushall()

            def is_back() -> bool:
                client.get("/api/sessions", headers=interview.owner)
                return bool(store.keys("parley-limits:*"))

            wait_until(is_back, 40)


@pytest.mark.redis
def test_requests_that_find_redis_away_at_the_same_moment_are_all_served(
    services: Services, interview: Interview
) -> None:
    with EmbeddedRedis() as server, ThreadPoolExecutor(8) as pool:
        app = create_app(settings_with(redis_url=server.uri), services)

        def ask(_: int) -> int:
            return app.test_client().get("/api/sessions", headers=interview.owner).status_code

        assert set(pool.map(ask, range(8))) == {200}
        with broken(server, "hung"):
            assert set(pool.map(ask, range(8))) == {200}


@pytest.mark.redis
def test_it_starts_without_redis(services: Services, interview: Interview, closed_port: int) -> None:
    client = limited(services, rate_limit="2/minute", redis_url=f"redis://127.0.0.1:{closed_port}/0")
    assert statuses(client, 3, interview.owner) == [200, 200, 429]
