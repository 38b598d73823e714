"""Limits on what waits and on what an owner sends in a day; whoever is refused hears when to come back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from services.admission import RecentCounts
from services.container import Services, build_services
from services.models import Caller
from services.storage.client import MongoDatabase
from services.storage.usage import UsageStore
from tests.api.conftest import Interview, assert_problem, audio, start_interview
from tests.factories import settings_with, wav_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import Stores

Limited = Callable[..., FlaskClient]
WAV_BYTES = len(wav_of())


@pytest.fixture
def limited(database: MongoDatabase, queue: RememberingQueue, interview: Interview) -> Iterator[Limited]:
    """A client of an app with other quotas, over the same database."""
    built: list[Services] = []

    def build(**quotas: int) -> FlaskClient:
        settings = settings_with(**quotas)
        built.append(build_services(settings, database, queue, ScriptedTranscriber))
        app: Flask = create_app(settings, built[-1])
        return app.test_client()

    yield build
    for services in built:
        services.live.close()


def send(client: FlaskClient, interview: Interview, question_id: str = "q1", key: str | None = None) -> TestResponse:
    headers = interview.candidate if key is None else {**interview.candidate, "Idempotency-Key": key}
    return client.post(interview.upload_path(question_id), data=audio(), headers=headers)


def to_midnight() -> float:
    now = datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - now).total_seconds()


def test_a_full_queue_refuses_uploads_of_everybody(limited: Limited, interview: Interview) -> None:
    client = limited(max_open_answers=1)
    assert send(client, interview).status_code == 202
    refused = send(client, interview, "q2")
    problem = assert_problem(refused, 503, "queue_full")
    assert (refused.headers["Retry-After"], problem["retryable"]) == ("10", True)


@pytest.mark.covers("Q-limits")
def test_an_owners_full_share_of_the_queue_refuses_uploads_to_its_interviews_alone(
    limited: Limited, interview: Interview, services: Services
) -> None:
    client = limited(max_open_answers_per_owner=1)
    assert send(client, interview).status_code == 202
    refused = send(client, interview, "q2")
    assert_problem(refused, 429, "too_many_open_answers")
    assert refused.headers["Retry-After"] == "10"
    ada = services.access.issue(Caller("ada"), valid_for=timedelta(hours=1))
    assert send(client, start_interview(client, ada)).status_code == 202


def test_answers_that_ended_make_room(limited: Limited, interview: Interview, transcribe, services: Services) -> None:
    reply = send(limited(max_open_answers_per_owner=1), interview)
    transcribe(reply)
    assert send(limited(max_open_answers_per_owner=1), interview, "q2").status_code == 202


def test_a_days_share_of_bytes_is_refused_beyond_until_midnight(
    limited: Limited, interview: Interview, database: MongoDatabase
) -> None:
    client = limited(daily_bytes_per_owner=2 * WAV_BYTES)
    assert send(client, interview).status_code == 202
    refused = send(client, interview, "q2")  # what is around the recording in the body counts at the door
    assert_problem(refused, 429, "daily_bytes_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) - to_midnight() + 5 < 10
    (used,) = database["usage"].find()
    assert (used["owner_id"], used["bytes"], used["recordings"]) == ("owner", WAV_BYTES, 1)


def test_a_days_share_of_audio_is_refused_beyond(
    limited: Limited, interview: Interview, database: MongoDatabase
) -> None:
    client = limited(daily_audio_minutes_per_owner=1)
    UsageStore(database).count_audio(interview.id, 59.0)
    assert send(client, interview).status_code == 202
    UsageStore(database).count_audio(interview.id, 1.0)
    assert_problem(send(limited(daily_audio_minutes_per_owner=1), interview, "q2"), 429, "daily_audio_exceeded")


def test_transcribed_audio_counts_for_the_owner_of_the_interview(
    limited: Limited, interview: Interview, transcribe, database: MongoDatabase
) -> None:
    transcribe(send(limited(), interview))
    (used,) = database["usage"].find()
    assert (used["owner_id"], used["audio_seconds"], used["recordings"]) == ("owner", 1.0, 1)


def test_what_was_used_on_another_day_does_not_count(
    limited: Limited, interview: Interview, database: MongoDatabase
) -> None:
    UsageStore(database).count_bytes("owner", 10 * WAV_BYTES)
    (today,) = database["usage"].find()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    database["usage"].delete_many({})
    database["usage"].insert_one({**today, "_id": f"{yesterday:%Y-%m-%d} owner"})
    assert send(limited(daily_bytes_per_owner=2 * WAV_BYTES), interview).status_code == 202


def test_a_repeat_is_never_refused(limited: Limited, interview: Interview) -> None:
    client = limited(max_open_answers=1, max_open_answers_per_owner=1, daily_bytes_per_owner=2 * WAV_BYTES)
    first = send(client, interview, key="first")
    again = send(client, interview, key="first")
    assert (again.status_code, again.get_data()) == (202, first.get_data())
    assert_problem(send(client, interview, "q2", key="second"), 503, "queue_full")


class Unread(BytesIO):
    """A body that nobody may read."""

    def readinto(self, buffer: Any, /) -> int:
        raise AssertionError("the body was read")


@pytest.mark.parametrize("quotas", [{"max_open_answers": 1}, {"max_open_answers_per_owner": 1}])
def test_the_refusal_comes_before_the_body_is_read(
    limited: Limited, interview: Interview, quotas: dict[str, int]
) -> None:
    client = limited(**quotas)
    send(client, interview)
    refused = client.post(
        interview.upload_path("q2"),
        input_stream=Unread(),
        content_type="multipart/form-data; boundary=b",
        environ_overrides={"CONTENT_LENGTH": str(5_000_000)},
        headers=interview.candidate,
    )
    assert refused.status_code in (429, 503)


def test_counts_are_asked_for_about_once_a_second_and_what_was_admitted_since_is_added(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("services.admission.time.monotonic", lambda: now[0])
    counts, asked = RecentCounts(), []

    def count() -> int:
        asked.append(now[0])
        return 5

    assert counts.get("open", count) == 5
    counts.add("open", 1)
    assert counts.get("open", count) == 6
    now[0] += 1.1
    assert counts.get("open", count) == 5
    assert asked == [100.0, 101.1]


def test_a_count_that_takes_long_is_kept_the_longer(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("services.admission.time.monotonic", lambda: now[0])
    counts, asked = RecentCounts(), []

    def slow_count() -> int:
        asked.append(now[0])
        now[0] += 0.5
        return 5

    counts.get("open", slow_count)
    now[0] += 15
    counts.get("open", slow_count)
    assert len(asked) == 1
    now[0] += 6
    counts.get("open", slow_count)
    assert len(asked) == 2


def test_open_answers_are_counted_of_everybody_and_of_an_owner(stores: Stores, database: MongoDatabase) -> None:
    usage = UsageStore(database)
    assert usage.open_answers() == 0
    session_id = stores.start("q1", "q2")
    claim = stores.claim(stores.accept(session_id))
    stores.accept(session_id, "q2")
    assert (usage.open_answers(), usage.open_answers("owner"), usage.open_answers("ada")) == (2, 2, 0)
    stores.answers.fail(claim, code="c", message="m", keeps_audio=False)
    assert usage.open_answers() == 1
