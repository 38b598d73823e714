"""Everything that can happen to an interview while its feedback is made, at the same time: what holds afterwards."""

import random
import threading
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest

from services.container import Services
from services.errors import Conflict, ParleyError
from services.feedback.report import made_of
from services.models import AnswerRef, Caller
from services.storage.client import MongoDatabase
from services.storage.transcripts import TranscriptStore
from tests.fakes import RememberingQueue
from tests.scored import Scored, WordsProvider, scored_over
from tests.stores import MODEL, transcript_of

ROUNDS = 25
QUESTIONS = ("q1", "q2", "q3")

Act = Callable[[Scored, random.Random], object]


def words(chance: random.Random) -> str:
    return " ".join(["word"] * chance.randint(1, 9))


def complete(one: Scored, session_id: str) -> None:
    if one.jobs.complete(one.session(session_id)).job.is_new:
        one.jobs.send(session_id)


def record(one: Scored, session_id: str, chance: random.Random) -> None:
    """A recording that takes the place of what is there, and ends."""
    ref = one.stores.accept(session_id, chance.choice(QUESTIONS))
    claim = one.stores.answers.claim(ref, "holder", f"token-{chance.random()}")
    if claim is not None and chance.random() < 0.8:
        one.stores.answers.complete(claim, transcript_of(words(chance)), MODEL)
    elif claim is not None:
        one.stores.answers.fail(claim, code="bad_audio", message="Damaged.", keeps_audio=False)
    one.jobs.when_ended(ref)


def edit(one: Scored, session_id: str, chance: random.Random) -> None:
    answers = one.session(session_id).answers
    if answers:
        question_id = chance.choice(list(answers))
        ref = AnswerRef(session_id, question_id, answers[question_id]["id"])
        TranscriptStore(one.stores.database).edit(ref, words(chance), revision=None)


def cancel_all(services: Services, one: Scored, session_id: str) -> None:
    for question_id, answer in one.session(session_id).answers.items():
        with suppress(Conflict):
            services.decisions.cancel(AnswerRef(session_id, question_id, answer["id"]))


def everything_at_once(
    database: MongoDatabase, services: Services, session_id: str, seed: int, *, is_erased: bool
) -> list[Exception]:
    """What anybody met that is no error of ours."""
    queue, met = RememberingQueue(), []

    def erase_last(one: Scored, chance: random.Random) -> None:
        if is_erased and chance.random() < 2 / ROUNDS:
            services.erasure.erase_session(Caller("owner"), session_id, "owner")

    acts: list[Act] = [
        lambda one, _: complete(one, session_id),
        lambda one, _: one.scoring.work(session_id),
        lambda one, _: one.scoring.work(session_id),
        lambda one, chance: record(one, session_id, chance),
        lambda one, chance: edit(one, session_id, chance),
        lambda one, _: one.analysis.analyze(Caller("owner"), session_id),
        lambda one, _: one.jobs.report(one.session(session_id)),
        lambda one, _: cancel_all(services, one, session_id),
        erase_last,
    ]
    together = threading.Barrier(len(acts))

    def go_on(number: int) -> None:
        chance = random.Random(100 * seed + number)
        one = scored_over(database, WordsProvider(is_instant=bool(seed % 2)), queue)
        together.wait(timeout=20)
        for _ in range(ROUNDS):
            try:
                acts[number](one, chance)
            except ParleyError:
                continue
            except AssertionError:
                # `session`, of one that is erased.
                if one.stores.sessions.find_unguarded(session_id) is None:
                    return
                raise
            except Exception as error:  # noqa: BLE001 - they are what is looked for
                met.append(error)

    people = [threading.Thread(target=go_on, args=(number,)) for number in range(len(acts))]
    for each in people:
        each.start()
    for each in people:
        each.join(60)
    return met


@pytest.mark.covers("E1-S1.4", "E1-S2.3")
@pytest.mark.parametrize("seed", range(4))
def test_one_job_and_true_reports_come_of_it(database: MongoDatabase, services: Services, seed: int):
    scored = scored_over(database, WordsProvider())
    session_id = scored.stores.start(*QUESTIONS)
    assert everything_at_once(database, services, session_id, seed, is_erased=False) == []

    scored.say(session_id, "q1", "one two")
    cancel_all(services, scored, session_id)
    complete(scored, session_id)
    scored.let_time_pass(session_id)
    scored.scoring.work(session_id)

    job, session, reports = scored.job(session_id), scored.session(session_id), scored.reports(session_id)
    assert (job["status"], job["report"], job["made_of"]) == ("completed", len(reports), made_of(session))
    assert job["crashes"] == 0
    assert [report["number"] for report in reports] == list(range(1, len(reports) + 1))
    for told in reports[-1]["answers"]:
        answer = session.answers[told["question_id"]]
        if told["score"] is not None:
            assert told["score"] == answer["score"] == 10.0 * len(answer["transcript"].split())
    for before, after in pairwise(reports):
        assert before["made_of"] != after["made_of"]


@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_left_of_it_where_it_is_erased_meanwhile(database: MongoDatabase, services: Services, seed: int):
    scored = scored_over(database, WordsProvider())
    session_id = scored.stores.start(*QUESTIONS)
    assert everything_at_once(database, services, session_id, seed, is_erased=True) == []

    if scored.stores.sessions.find_unguarded(session_id) is not None:
        services.erasure.erase_session(Caller("owner"), session_id, "owner")
    # Who asked for feedback in the moment of the erasure left a job, and the sweep sends it.
    scored.scoring.work(session_id)
    services.erasure.sweep()
    for name in ("feedback_jobs", "feedback_reports", "interview_sessions"):
        assert database[name].count_documents({}) == 0, name
