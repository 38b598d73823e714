"""Feedback jobs: one a session, done once, when every transcript is there; whatever happens to who does it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from structlog.contextvars import bound_contextvars, get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from services.container import Services
from services.errors import NotFound, RecordingRejected
from services.feedback.evaluation import SpokenAnswer
from services.feedback_jobs import MAX_ATTEMPTS, FeedbackFailed, FeedbackNotReady
from services.models import AnswerRef, Caller, Status
from services.resending import Resending
from services.storage.client import MongoDatabase
from services.storage.feedback_jobs import FeedbackJob
from services.storage.transcripts import TranscriptStore
from tests.factories import recording_of
from tests.fakes import RememberingQueue, ScriptedTranscriber
from tests.scored import Scored, WordsProvider, scored_over
from tests.stores import HOLDER, MODEL, Stores, transcript_of

SECRET = "they said $ome secret"


class Killed(BaseException):
    """What ends a thread in the middle, as SIGKILL ends a process: nothing is caught, nothing given back."""


@pytest.fixture
def provider() -> WordsProvider:
    return WordsProvider(is_instant=False)


@pytest.fixture
def scored(database: MongoDatabase, provider: WordsProvider) -> Scored:
    return scored_over(database, provider)


@pytest.fixture
def session_id(scored: Scored) -> str:
    return scored.stores.start("q1", "q2")


@pytest.fixture
def edit(scored: Scored):
    def write(ref: AnswerRef, text: str) -> None:
        assert TranscriptStore(scored.stores.database).edit(ref, text, revision=None) is not None

    return write


def complete(scored: Scored, session_id: str) -> FeedbackJob:
    """As a request does: a worker is told where there is something new."""
    job = scored.jobs.complete(scored.session(session_id)).job
    if job.is_new:
        scored.jobs.send(session_id)
    return job


def kill_in_the_middle(scored: Scored, session_id: str, provider: WordsProvider, monkeypatch) -> None:
    """A worker that claims, begins to score, and is never heard of again."""

    def die(_: object) -> None:
        raise Killed

    provider.meanwhile = die
    with monkeypatch.context() as patched:
        # A killed process gives nothing back.
        patched.setattr("services.document_lease.DocumentLease.give_back", lambda self: None)
        with pytest.raises(Killed):
            scored.scoring.work(session_id)
    provider.meanwhile = lambda _: None


@pytest.mark.covers("E1-S1.1", "E1-S1.2", "E7-S1.1")
def test_a_job_goes_from_queued_over_processing_to_completed(scored: Scored, session_id: str, provider):
    scored.say(session_id, "q1", "one two")
    complete(scored, session_id)
    job = scored.job(session_id)
    assert (job["status"], job["attempts"]) == ("queued", 0)
    assert (job["session_id"], job["user_id"]) == (session_id, "owner")
    seen = []
    provider.meanwhile = lambda _: seen.append(scored.job(session_id))
    scored.scoring.work(session_id)
    assert (seen[0]["status"], seen[0]["attempts"], "lease" in seen[0]) == ("processing", 1, True)
    assert seen[0]["started_at"] is not None
    job = scored.job(session_id)
    assert (job["status"], job["attempts"], job["report"]) == ("completed", 1, 1)
    assert job["started_at"] <= job["completed_at"]
    assert not {"lease", "due", "holder", "last_error"} & job.keys()


@pytest.mark.covers("E1-S1.1", "E1-S1.2", "E7-S1.1")
def test_a_job_that_fails_is_tried_again_later_each_time_and_then_failed(scored: Scored, session_id: str, provider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)

    def fail(_: object) -> None:
        raise RuntimeError(SECRET)

    provider.meanwhile = fail
    waits = []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        scored.scoring.work(session_id)
        status = scored.jobs.status(scored.session(session_id))
        assert status.job.attempts == attempt
        assert status.last_error is not None
        assert SECRET not in str(status.last_error)
        if status.next_attempt_at is not None:
            assert status.retry_after is not None
            waits.append(round((status.next_attempt_at - status.job.seen_at).total_seconds()))
            assert abs(status.retry_after - waits[-1]) <= 1
            # Not before its time.
            scored.scoring.work(session_id)
            assert scored.job(session_id)["attempts"] == attempt
            scored.let_time_pass(session_id)
    assert waits == [5, 10, 20]
    assert (status.job.status, status.next_attempt_at, status.retry_after) == (Status.FAILED, None, None)
    assert scored.job(session_id)["last_error"]["code"] == "attempts_exhausted"
    assert SECRET not in str(scored.job(session_id))
    assert scored.reports(session_id) == []


@pytest.mark.covers("E1-S1.3")
def test_jobs_are_found_by_status_and_time_through_an_index(scored: Scored, session_id: str):
    complete(scored, session_id)
    query = scored.stores.database["feedback_jobs"].find({"status": "queued"}).sort("created_at", -1)
    plan = query.explain()["queryPlanner"]["winningPlan"]
    assert "status_1_created_at_-1" in str(plan)
    assert "SORT" not in {plan["stage"], plan["inputStage"]["stage"]}


@pytest.mark.covers("E1-S1.4", "E1-S2.1", "E1-S2.3")
def test_of_many_that_complete_at_once_one_begins_the_job(scored: Scored, session_id: str):
    session, together = scored.session(session_id), threading.Barrier(24)

    def press(_: int) -> FeedbackJob:
        together.wait(timeout=20)
        return scored.jobs.complete(session).job

    with ThreadPoolExecutor(24) as people:
        jobs = list(people.map(press, range(24)))
    assert sum(job.is_new for job in jobs) == 1
    assert {(job.session_id, job.round) for job in jobs} == {(session_id, 1)}
    assert scored.stores.database["feedback_jobs"].count_documents({}) == 1


@pytest.mark.covers("E1-S2.3")
@pytest.mark.parametrize("when", ["queued", "processing", "completed"])
def test_completing_again_changes_nothing(scored: Scored, session_id: str, provider, when: str):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    if when == "processing":
        assert scored.store.documents.claim(session_id, HOLDER, "token")
    if when == "completed":
        scored.scoring.work(session_id)
    before = scored.job(session_id)
    job = complete(scored, session_id)
    assert (job.is_new, str(job.status)) == (False, when)
    assert scored.job(session_id) == before
    assert scored.queue.feedback == [session_id]


@pytest.mark.covers("E1-S2.2")
def test_completing_scores_nothing(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    assert (provider.scored, scored.reports(session_id)) == ([], [])


def test_completing_with_the_queue_away_is_made_good_by_the_sweep(scored: Scored, session_id: str):
    scored.queue.is_away = True
    assert complete(scored, session_id).is_new
    scored.queue.is_away = False
    sweep = Resending(scored.store.documents, scored.queue.give_feedback, kind="feedback", holder=HOLDER).sweep
    assert sweep() == 0
    scored.let_time_pass(session_id)
    assert sweep() == 1
    assert scored.queue.feedback == [session_id]


@pytest.mark.covers("E1-S2.3")
def test_completing_again_after_a_failure_or_a_change_begins_the_job_again(scored: Scored, session_id: str, provider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    scored.scoring.work(session_id)
    scored.say(session_id, "q1", "one two")
    assert (complete(scored, session_id).is_new, complete(scored, session_id).is_new) == (True, False)
    scored.store.documents.claim(session_id, HOLDER, "token")
    scored.store.fail(session_id, "token", {"code": "c", "message": "m"}, about=None)
    job = complete(scored, session_id)
    assert (job.is_new, job.status, job.round, job.attempts, job.last_error) == (True, Status.QUEUED, 3, 0, None)
    scored.scoring.work(session_id)
    assert [report["final_score"] for report in scored.reports(session_id)] == [10.0, 20.0]
    assert [report["number"] for report in scored.reports(session_id)] == [1, 2]


@pytest.mark.covers("E1-S2.1")
def test_nothing_is_scored_before_every_transcript_is_there(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    waiting = scored.stores.accept(session_id, "q2")
    complete(scored, session_id)
    scored.scoring.work(session_id)
    status = scored.jobs.status(scored.session(session_id))
    assert (status.job.status, status.waiting_for_transcripts, status.job.attempts) == (Status.QUEUED, 1, 0)
    scored.stores.claim(waiting)
    scored.scoring.work(session_id)
    assert (provider.scored, scored.job(session_id)["attempts"]) == ([], 0)


END = {
    "transcribed": lambda services, ref: services.transcription.transcribe(ref),
    "cancelled": lambda services, ref: services.decisions.cancel(ref),
    "marked as failed": lambda services, ref: services.decisions.mark_failed(ref, "Operators gave up."),
    "typed instead": lambda services, ref: services.typed_answers.accept(
        services.sessions.get(Caller("owner"), ref.session_id), ref.question_id, "I typed it.", "owner"
    ),
}


@pytest.mark.covers("E1-S2.1")
@pytest.mark.parametrize("end", [*END, "failed"])
def test_it_starts_when_the_last_answer_ends_however_it_does(
    services: Services, stores: Stores, queue: RememberingQueue, transcriber: ScriptedTranscriber, end: str
):
    session_id = stores.start("q1", "q2")
    services.typed_answers.accept(services.sessions.get(Caller("owner"), session_id), "q2", "One two.", "owner")
    ref = stores.accept(session_id, "q1")
    file_id = stores.audio.save(recording_of(), ref, "owner")
    stores.database["interview_sessions"].update_one({}, {"$set": {"answers.q1.gridfs_file_id": file_id}})
    services.feedback_jobs.complete(services.sessions.get(Caller("owner"), session_id))
    services.scoring.work(session_id)
    assert queue.feedback == []
    if end == "failed":

        def refuse(_: int) -> None:
            raise RecordingRejected("It is damaged.", code="bad_audio")

        transcriber.before_window = refuse
        services.transcription.transcribe(ref)
    else:
        END[end](services, ref)
    assert queue.feedback == [session_id]
    services.scoring.work(session_id)
    report = services.feedback_jobs.report(services.sessions.get(Caller("owner"), session_id))
    is_scored = end in ("transcribed", "typed instead")
    assert (report.scored_count, report.failed_count) == ((2, 0) if is_scored else (1, 1))


def test_the_end_of_an_answer_wakes_nothing_where_nobody_asked(scored: Scored, session_id: str):
    scored.jobs.when_ended(AnswerRef(session_id, "q1", "a"))
    assert scored.queue.feedback == []


def test_a_message_that_is_lost_when_the_last_answer_ends_is_sent_by_the_sweep(scored: Scored, session_id: str):
    waiting = scored.stores.accept(session_id, "q1")
    complete(scored, session_id)
    # It has waited so long that the sweep looks at it seldom.
    later = {"due": datetime.now(UTC) + timedelta(hours=1), "resent": 9}
    scored.stores.database["feedback_jobs"].update_one({}, {"$set": later})
    scored.queue.is_away = True
    scored.jobs.when_ended(waiting)
    job = scored.job(session_id)
    assert job["resent"] == 0
    assert job["due"] < datetime.now(UTC) + timedelta(seconds=31)


def test_an_answer_that_ends_while_its_job_is_put_back_is_not_waited_for(scored: Scored, session_id: str, provider):
    """Nobody could be woken in that moment: whoever puts it back looks again."""
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    scored.queue.feedback.clear()
    give_back = scored.store.documents.give_back
    waiting: list[AnswerRef] = []

    def record_again(_: object) -> None:
        provider.meanwhile = lambda _: None
        waiting.append(scored.stores.accept(session_id, "q2"))

    def end_before(*args: object, **kwargs: object) -> None:
        claim = scored.stores.claim(waiting[0])
        scored.stores.answers.fail(claim, code="c", message="m", keeps_audio=False)
        scored.jobs.when_ended(waiting[0])
        assert scored.queue.feedback == []
        give_back(*args, **kwargs)  # type: ignore[arg-type]

    provider.meanwhile = record_again
    scored.store.documents.give_back = end_before  # type: ignore[method-assign]
    scored.scoring.work(session_id)
    assert scored.queue.feedback == [session_id]
    scored.scoring.work(session_id)
    job = scored.job(session_id)
    assert (job["status"], job["attempts"], job["crashes"]) == ("completed", 1, 0)


def test_any_number_of_workers_make_one_report(scored: Scored, session_id: str, provider, database: MongoDatabase):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    others = [scored_over(database, provider) for _ in range(6)]
    together = threading.Barrier(6)

    def work(one: Scored) -> None:
        together.wait(timeout=20)
        one.scoring.work(session_id)

    with ThreadPoolExecutor(6) as workers:
        list(workers.map(work, others))
    assert len(scored.reports(session_id)) == 1
    assert provider.scored == ["q1"]


def test_a_worker_that_is_killed_while_it_scores_leaves_one_report(scored, session_id, provider, monkeypatch):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    kill_in_the_middle(scored, session_id, provider, monkeypatch)
    assert (scored.job(session_id)["status"], scored.reports(session_id)) == ("processing", [])
    scored.scoring.work(session_id)
    assert scored.reports(session_id) == []
    scored.let_time_pass(session_id)
    scored.scoring.work(session_id)
    scored.scoring.work(session_id)
    job = scored.job(session_id)
    assert (job["status"], job["attempts"], job["crashes"]) == ("completed", 2, 1)
    assert len(scored.reports(session_id)) == 1


def test_a_late_worker_stores_nothing(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)

    def take_over(_: object) -> None:
        provider.meanwhile = lambda _: None
        scored.let_time_pass(session_id)
        scored.scoring.work(session_id)

    provider.meanwhile = take_over
    scored.scoring.work(session_id)
    assert (len(scored.reports(session_id)), scored.job(session_id)["crashes"]) == (1, 1)
    assert scored.session(session_id).seq == 4


def test_a_worker_that_is_stopped_gives_the_job_back(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)

    def stop(_: object) -> None:
        raise Killed

    provider.meanwhile = stop
    with pytest.raises(Killed):
        scored.scoring.work(session_id)
    job = scored.job(session_id)
    assert (job["status"], job["attempts"], job["crashes"]) == ("queued", 0, 0)


def score_the_first_and_end(scored: Scored, session_id: str, provider: WordsProvider) -> None:
    """As a worker that is stopped at the second answer."""
    scored.say(session_id, "q1", "one")
    scored.say(session_id, "q2", "one two")
    complete(scored, session_id)

    def stop_at_the_second(answer: SpokenAnswer) -> None:
        if answer.question.id == "q2":
            provider.meanwhile = lambda _: None
            raise Killed

    provider.meanwhile = stop_at_the_second
    with pytest.raises(Killed):
        scored.scoring.work(session_id)
    assert provider.scored == ["q1", "q2"]
    provider.scored.clear()


def test_what_was_scored_before_a_worker_ended_is_not_scored_and_paid_for_again(scored, session_id, provider):
    score_the_first_and_end(scored, session_id, provider)
    scored.scoring.work(session_id)
    assert provider.scored == ["q2"]
    (report,) = scored.reports(session_id)
    assert [answer["score"] for answer in report["answers"]] == [10.0, 20.0]
    (first, second) = (answer["feedback"][0] for answer in report["answers"])
    assert first["evidence"] == [{"start_word": 0, "end_word": 1, "quote": "one", "point": "the point"}]
    assert first.keys() == second.keys()
    assert "kept" not in scored.job(session_id)


def test_a_killed_worker_leaves_the_scores_that_it_came_to(scored, session_id, provider, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("services.document_lease.DocumentLease.give_back", lambda self: None)
        score_the_first_and_end(scored, session_id, provider)
    scored.let_time_pass(session_id)
    scored.scoring.work(session_id)
    assert (provider.scored, scored.job(session_id)["crashes"]) == (["q2"], 1)


def test_an_edit_after_a_worker_ended_is_scored_and_not_what_was_there_before(scored, session_id, provider, edit):
    score_the_first_and_end(scored, session_id, provider)
    answer = scored.session(session_id).answers["q1"]
    edit(AnswerRef(session_id, "q1", answer["id"]), "one two three")
    scored.scoring.work(session_id)
    assert provider.scored == ["q1", "q2"]
    (report,) = scored.reports(session_id)
    assert [answer["score"] for answer in report["answers"]] == [30.0, 20.0]


def test_scores_of_another_provider_are_not_taken_over(scored, session_id, provider):
    """As where a flag was switched meanwhile, or the rules stood in for a model that is back."""
    score_the_first_and_end(scored, session_id, provider)
    provider.name = "another"
    scored.scoring.work(session_id)
    assert provider.scored == ["q1", "q2"]


def test_a_job_that_ends_as_failed_or_begins_again_keeps_no_scores(scored, session_id, provider):
    score_the_first_and_end(scored, session_id, provider)
    assert "kept" in scored.job(session_id)
    scored.store.documents.claim(session_id, HOLDER, "token")
    scored.store.fail(session_id, "token", {"code": "c", "message": "m"}, about=None)
    assert "kept" not in scored.job(session_id)
    complete(scored, session_id)
    scored.scoring.work(session_id)
    assert provider.scored == ["q1", "q2"]


def test_what_ended_its_workers_three_times_fails(scored: Scored, session_id: str, provider, monkeypatch):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    for _ in range(3):
        kill_in_the_middle(scored, session_id, provider, monkeypatch)
        scored.let_time_pass(session_id)
    scored.scoring.work(session_id)
    assert scored.job(session_id)["last_error"]["code"] == "poison"
    with pytest.raises(FeedbackFailed):
        scored.jobs.report(scored.session(session_id))


def test_an_answer_that_changes_while_it_is_scored_is_scored_again_and_no_other(
    scored: Scored, session_id: str, provider: WordsProvider, edit
):
    ref = scored.say(session_id, "q1", "one")
    scored.say(session_id, "q2", "one two")
    complete(scored, session_id)

    def once(_: object) -> None:
        provider.meanwhile = lambda _: None
        edit(ref, "one two three")

    provider.meanwhile = once
    scored.scoring.work(session_id)
    (report,) = scored.reports(session_id)
    assert [(answer["revision"], answer["score"]) for answer in report["answers"]] == [(2, 30.0), (1, 20.0)]
    assert provider.scored == ["q1", "q2", "q1"]


def test_answers_that_keep_changing_are_left_for_later_and_nothing_is_stored(scored, session_id, provider, edit):
    ref = scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    provider.meanwhile = lambda _: edit(ref, "another")
    scored.scoring.work(session_id)
    job = scored.job(session_id)
    assert (job["status"], job["last_error"]["code"]) == ("queued", "answers_changing")
    assert scored.reports(session_id) == []
    assert "score" not in scored.session(session_id).answers["q1"]


def test_what_concerns_no_answer_makes_nobody_score_again(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    database = scored.stores.database
    provider.meanwhile = lambda _: database["interview_sessions"].update_one({}, {"$inc": {"seq": 1}})
    scored.scoring.work(session_id)
    assert provider.scored == ["q1"]
    report = scored.jobs.report(scored.session(session_id))
    assert not report.is_stale


def test_a_report_the_scores_and_the_end_of_the_job_are_one(scored: Scored, session_id: str, monkeypatch):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)

    def fail(*_: object) -> None:
        raise RuntimeError("in the transaction")

    with monkeypatch.context() as patched:
        patched.setattr("services.storage.feedback_jobs._scored", fail)
        scored.scoring.work(session_id)
    assert scored.job(session_id)["status"] == "queued"
    assert "report" not in scored.job(session_id)
    assert scored.reports(session_id) == []
    assert scored.session(session_id).analysis is None


def test_an_edit_a_new_recording_and_a_late_transcript_make_a_report_stale(scored, session_id, edit):
    ref = scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    scored.scoring.work(session_id)
    assert not scored.jobs.report(scored.session(session_id)).is_stale
    edit(ref, "edited")
    stale = scored.jobs.report(scored.session(session_id))
    assert (stale.is_stale, stale.answers[0].is_stale) == (True, True)
    complete(scored, session_id)
    scored.scoring.work(session_id)
    late = scored.stores.accept(session_id, "q2")
    scored.stores.answers.complete(scored.stores.claim(late), transcript_of("late"), MODEL)
    stale = scored.jobs.report(scored.session(session_id))
    assert (stale.is_stale, stale.answers[0].is_stale) == (True, False)
    complete(scored, session_id)
    scored.scoring.work(session_id)
    scored.say(session_id, "q2", "a new recording")
    stale = scored.jobs.report(scored.session(session_id))
    assert [answer.is_stale for answer in stale.answers] == [False, True]
    page = scored.jobs.history(scored.session(session_id), before=None, limit=2)
    assert ([each.number for each in page.reports], page.next) == ([3, 2], 2)
    page = scored.jobs.history(scored.session(session_id), before=page.next, limit=2)
    assert ([each.number for each in page.reports], page.next) == ([1], None)
    assert scored.jobs.report(scored.session(session_id), 1).answers[0].score == 10.0


@pytest.mark.covers("E1-S4.1")
def test_reading_never_makes_a_report(scored: Scored, session_id: str, provider: WordsProvider):
    scored.say(session_id, "q1", "one")
    with pytest.raises(NotFound):
        scored.jobs.report(scored.session(session_id))
    complete(scored, session_id)
    with pytest.raises(FeedbackNotReady):
        scored.jobs.report(scored.session(session_id))
    assert (provider.scored, scored.reports(session_id)) == ([], [])


@pytest.mark.covers("E6-S1.2")
def test_what_is_logged_and_sent_while_scoring_leads_back_to_the_request(scored: Scored, session_id: str, provider):
    scored.say(session_id, "q1", "one")
    with bound_contextvars(request_id="the-request"):
        complete(scored, session_id)
    seen = []

    def look(_: object) -> None:
        seen.append(get_contextvars())
        raise RuntimeError(SECRET)

    provider.meanwhile = look
    with bound_contextvars(request_id="another"), capture_logs(processors=[merge_contextvars]) as told:
        scored.scoring.work(session_id)
        assert get_contextvars() == {"request_id": "another"}
    assert (seen[0]["request_id"], seen[0]["session_id"]) == ("the-request", session_id)
    (failed,) = [line for line in told if line["event"] == "An attempt failed."]
    assert failed["request_id"] == "the-request"
    assert SECRET not in str(told)


@pytest.mark.covers("E6-S1.3")
def test_errors_of_a_job_name_the_request(scored: Scored, session_id: str):
    with bound_contextvars(request_id="the-request"):
        complete(scored, session_id)
    scored.store.documents.claim(session_id, HOLDER, "token")
    scored.store.fail(session_id, "token", {"code": "c", "message": "m"}, about=None)
    last_error = scored.jobs.status(scored.session(session_id)).last_error
    assert last_error == {"code": "c", "message": "m", "requestId": "the-request"}


def test_erasing_an_interview_takes_its_job_and_reports_also_while_it_is_scored(
    services: Services, scored: Scored, session_id: str, provider: WordsProvider
):
    scored.say(session_id, "q1", "one")
    complete(scored, session_id)
    scored.scoring.work(session_id)
    scored.say(session_id, "q1", "one two")
    complete(scored, session_id)

    def erase(_: object) -> None:
        provider.meanwhile = lambda _: None
        receipt = services.erasure.erase_session(Caller("owner"), session_id, "owner")
        assert (receipt.removed["feedback_jobs"], receipt.removed["feedback_reports"]) == (1, 1)

    provider.meanwhile = erase
    scored.scoring.work(session_id)
    for name in ("feedback_jobs", "feedback_reports", "interview_sessions"):
        assert scored.stores.database[name].count_documents({}) == 0


def test_a_job_of_an_interview_that_was_erased_meanwhile_goes(scored: Scored, session_id: str, services: Services):
    session = scored.session(session_id)
    services.erasure.erase_session(Caller("owner"), session_id, "owner")
    scored.jobs.complete(session)
    scored.scoring.work(session_id)
    assert scored.stores.database["feedback_jobs"].count_documents({}) == 0


@pytest.mark.covers("E2-S4.2")
def test_a_report_from_before_there_was_metadata_is_read_as_it_was(scored: Scored, session_id: str):
    ref = scored.say(session_id, "q1", "one")
    part = {"name": "words", "score": 10.0, "weight": 1.0, "comment": "So many words."}
    old = {"answers.q1.score": 10.0, "answers.q1.feedback": [part]}
    analysis = {"provider": "rule_based", "scored_at": datetime.now(UTC), "seq": 3}
    sessions = scored.stores.database["interview_sessions"]
    sessions.update_one({"_id": session_id}, {"$set": {**old, "analysis": analysis, "seq": 3}})
    for number in (None, 0):
        report = scored.jobs.report(scored.session(session_id), number)
        assert (report.number, report.final_score, report.metadata, report.is_stale) == (0, 10.0, None, False)
        (answer,) = report.answers
        assert (answer.answer_id, answer.feedback, answer.metadata) == (ref.answer_id, [part], None)
    page = scored.jobs.history(scored.session(session_id), before=None, limit=5)
    assert ([each.number for each in page.reports], page.next) == ([0], None)
    sessions.update_one({"_id": session_id}, {"$inc": {"seq": 1}})
    assert scored.jobs.report(scored.session(session_id)).is_stale


@pytest.mark.covers("E2-S4.1")
def test_how_a_score_came_about_is_kept_with_it_and_with_the_report(scored: Scored, session_id: str):
    scored.say(session_id, "q1", "one")
    scored.say(session_id, "q2", "one two")
    complete(scored, session_id)
    scored.scoring.work(session_id)
    of_both = {"provider": "words", "model": "counter-1", "prompt_version": "p1", "fallback": None}
    (report,) = scored.reports(session_id)
    assert report["metadata"] == {
        **of_both,
        "latency_ms": 14,
        "token_usage": {"prompt_tokens": 3, "completion_tokens": 2},
    }
    of_first = {**of_both, "latency_ms": 7, "token_usage": {"prompt_tokens": 1, "completion_tokens": 1}}
    assert report["answers"][0]["metadata"] == of_first
    assert scored.session(session_id).answers["q1"]["feedback_metadata"] == of_first


@pytest.mark.parametrize("is_heard", [True, False])
def test_what_becomes_of_a_job_is_told_by_the_write_that_it_is(scored: Scored, session_id: str, is_heard: bool):
    """Only where somebody listens; the events are dispatched by whoever looks after webhooks."""
    sessions = scored.stores.database["interview_sessions"]
    sessions.update_one({"_id": session_id}, {"$set": {"notifies": is_heard}})
    complete(scored, session_id)
    scored.store.documents.claim(session_id, HOLDER, "token")
    scored.store.fail(session_id, "token", {"code": "c", "message": SECRET}, about=None)
    complete(scored, session_id)
    scored.scoring.work(session_id)
    told = scored.stores.session(session_id).get("outbox", [])
    assert [event["type"] for event in told] == (["feedback.failed", "feedback.completed"] if is_heard else [])
    if is_heard:
        assert told[0]["data"] == {"session_id": session_id, "status": "failed", "error_code": "c", "seq": 0}
        assert told[1]["data"] == {"session_id": session_id, "status": "completed", "report": 1, "seq": 1}
