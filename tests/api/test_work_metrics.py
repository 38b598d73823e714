"""What /metrics tells of work, whichever process did it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from app import create_app
from services import figures
from services.container import build_services
from services.counting import BUCKETS_SECONDS, Count, counting, took
from services.feedback.choice import choose_provider
from services.feedback.evaluation import SpokenAnswer
from services.models import Question
from services.storage.client import MongoDatabase, connect
from services.storage.counters import CounterStore
from tests.api.conftest import Interview, fail_the_transcriber
from tests.chat_server import KEY, MODEL, Talk, chat_server
from tests.factories import settings_with
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.stores import flags_over

ANSWER = SpokenAnswer(Question("q1", "Why us?"), "I led a team of five people", 5.0)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "KEPT_SECONDS", 0.0)


@pytest.fixture
def count(database: MongoDatabase) -> Count:
    """As a worker counts."""
    return counting(CounterStore(database))


@pytest.fixture
def scraped(client: FlaskClient) -> Callable[[], dict[tuple[str, ...], float]]:
    """Samples of ours by name and the values of their labels, in the order of the labels' names."""

    def scrape() -> dict[tuple[str, ...], float]:
        reply = client.get("/metrics")
        assert reply.status_code == 200
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(reply.text)
            for sample in family.samples
            if family.name.startswith("parley_")
        }

    return scrape


@pytest.mark.covers("E6-S2.2", "E6-S2.3")
def test_transcriptions_are_told_with_their_time_errors_and_what_waits(
    scraped, upload, transcribe, transcriber: ScriptedTranscriber
):
    one, two = upload("q1"), upload("q2")
    before = scraped()
    assert before["parley_queue_depth", "answers", "waiting"] == 2
    assert before["parley_queue_depth", "answers", "working"] == 0
    transcribe(one, "q1")
    fail_the_transcriber(transcriber)
    transcribe(two, "q2")

    after = scraped()
    assert after["parley_transcription_seconds_count", "scripted"] == 1
    assert after["parley_transcription_seconds_bucket", "+Inf", "scripted"] == 1
    assert after["parley_transcription_seconds_sum", "scripted"] > 0
    assert after["parley_transcription_errors_total", "bad_audio", "scripted"] == 1
    assert after["parley_transcribed_audio_seconds_total", "scripted"] == 1
    assert after["parley_queue_depth", "answers", "waiting"] == 0


@pytest.mark.covers("E6-S2.1", "E6-S2.3", "E2-S3.3")
def test_feedback_is_told_with_its_time_errors_and_fallbacks_by_provider(
    scraped, count: Count, database: MongoDatabase
):
    with chat_server() as server:
        settings = settings_with(
            feedback_provider="openai", feedback_llm_url=server.url, feedback_llm_key=KEY, feedback_llm_model=MODEL
        )
        provider = choose_provider(settings, flags_over(database), count)("s")
        provider.evaluate(ANSWER)
        server.answer = lambda talk: Talk.refuse(talk, 401)
        provider.evaluate(ANSWER)

    told = scraped()
    assert told["parley_feedback_seconds_count", "openai"] == 1
    assert told["parley_feedback_seconds_count", "rule_based"] == 1
    assert told["parley_feedback_errors_total", "unauthorized", "openai"] == 1
    assert told["parley_feedback_fallbacks_total", "unauthorized", "openai"] == 1


def test_what_nobody_said_was_scored_by_nobody_and_makes_no_model_look_fast(scraped, count: Count, database):
    with chat_server() as server:
        settings = settings_with(
            feedback_provider="openai", feedback_llm_url=server.url, feedback_llm_key=KEY, feedback_llm_model=MODEL
        )
        choose_provider(settings, flags_over(database), count)("s").evaluate(SpokenAnswer(ANSWER.question, " … ", 5.0))

    assert ("parley_feedback_seconds_count", "openai") not in scraped()


def test_what_was_counted_stays_when_the_interview_is_erased(
    client: FlaskClient, scraped, upload, transcribe, interview: Interview
):
    transcribe(upload("q1"), "q1")
    assert client.delete(f"/api/sessions/{interview.id}", headers=interview.owner).status_code in (200, 202)

    assert scraped()["parley_transcription_seconds_count", "scripted"] == 1


def test_buckets_are_cumulative_and_end_with_all(scraped, count: Count):
    for seconds in (0.001, 0.3, 3.0, 10_000.0):
        count("feedback", "rule_based", took(seconds))
    told = scraped()
    buckets = [told["parley_feedback_seconds_bucket", str(float(end)), "rule_based"] for end in BUCKETS_SECONDS]

    assert buckets == sorted(buckets)
    assert (buckets[0], buckets[-1]) == (1, 3)
    assert told["parley_feedback_seconds_bucket", "+Inf", "rule_based"] == 4
    assert told["parley_feedback_seconds_sum", "rule_based"] == pytest.approx(10_003.301)


def test_work_that_nobody_looks_after_is_told_by_its_age(scraped, upload, stores: Any, interview: Interview):
    upload("q1")
    assert scraped()["parley_queue_overdue_seconds", "answers"] == 0
    answer = next(iter(stores.session(interview.id)["answers"].values()))
    stores.database["interview_sessions"].update_one(
        {"_id": interview.id, "open.answer_id": answer["id"]},
        [
            {
                "$set": {
                    "open": {
                        "$map": {
                            "input": "$open",
                            "in": {"$mergeObjects": ["$$this", {"due": {"$subtract": ["$$NOW", 90_000]}}]},
                        }
                    }
                }
            }
        ],
    )

    assert 89 < scraped()["parley_queue_overdue_seconds", "answers"] < 120


def test_a_scrape_is_answered_while_the_database_is_away(closed_port):
    away = connect(f"mongodb://127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=50", "parley")
    built = build_services(settings_with(), away, RememberingQueue(), ScriptedTranscriber)
    try:
        reply = create_app(settings_with(), built).test_client().get("/metrics")
    finally:
        built.live.close()
        away.client.close()

    assert reply.status_code == 200
    assert "parley_database_up 0.0" in reply.text


def test_figures_are_kept_for_a_few_seconds(monkeypatch, count: Count, scraped):
    monkeypatch.setattr(figures, "KEPT_SECONDS", 60.0)
    scraped()
    count("feedback", "rule_based", took(1.0))

    assert ("parley_feedback_seconds_count", "rule_based") not in scraped()
