"""Operators: what they see, and what becomes of what they decide."""

import pytest

from services.administration import Action, Administration, Which
from services.container import Services
from services.errors import Conflict, NotFound, Unavailable
from services.models import AnswerRef, Caller, Session, Status
from services.storage.client import MongoDatabase
from tests.factories import questions, recording_of
from tests.fakes import RememberingQueue
from tests.stores import Stores

GRACE = Caller("grace", role="admin")


@pytest.fixture
def administration(services: Services) -> Administration:
    return services.administration


@pytest.fixture
def interview(services: Services) -> Session:
    return services.sessions.start(Caller("ada"), questions("q1", "q2"), language=None, details={}).session


def accept(services: Services, session: Session, question_id: str = "q1") -> AnswerRef:
    recording = recording_of(declared_duration_ms=1500)
    receipt = services.answers.accept(session, question_id, recording, "ada")
    return AnswerRef(session.id, question_id, receipt.answer_id)


def failed(services: Services, stores: Stores, session: Session, *, code: str = "poison") -> AnswerRef:
    ref = accept(services, session)
    stores.answers.fail(stores.claim(ref), code=code, message="It failed.", keeps_audio=True)
    return ref


def many_failed(services: Services, stores: Stores, number: int) -> list[str]:
    sessions = [
        services.sessions.start(Caller("ada"), questions("q1"), language=None, details={}).session
        for _ in range(number)
    ]
    return [failed(services, stores, session).answer_id for session in sessions]


def test_a_failed_answer_is_listed_with_what_an_operator_needs(services, administration, stores, interview):
    ref = failed(services, stores, interview)
    (listed,) = administration.list_of(Which(Status.FAILED)).answers
    assert (listed.session_id, listed.question_id, listed.answer_id) == (interview.id, "q1", ref.answer_id)
    assert (listed.owner_id, listed.status, listed.code, listed.message) == ("ada", "failed", "poison", "It failed.")
    assert (listed.attempts, listed.crashes, listed.can_retry) == (1, 0, True)
    assert listed.ended_at is not None
    assert listed.retained_until is not None
    assert (listed.retained_until - listed.ended_at).days == 7
    assert administration.show(ref.answer_id) == listed


def test_nothing_that_was_said_is_in_a_list(services, administration, stores, interview):
    failed(services, stores, interview)
    ref = accept(services, interview, "q2")
    services.transcription.transcribe(ref)
    assert "i led a team" not in str(administration.list_of(Which(Status.FAILED)))
    assert "i led a team" not in str(administration.show(ref.answer_id))


def test_each_status_finds_its_own(services, administration, stores, interview):
    waiting = accept(services, interview, "q1")
    working = accept(services, interview, "q2")
    stores.claim(working)
    ids = {
        status: [each.answer_id for each in administration.list_of(Which(status)).answers]
        for status in (Status.QUEUED, Status.PROCESSING, Status.FAILED, Status.CANCELLED)
    }
    assert ids == {"queued": [waiting.answer_id], "processing": [working.answer_id], "failed": [], "cancelled": []}
    administration.decide(GRACE, Action.CANCEL, working.answer_id)
    (cancelled,) = administration.list_of(Which(Status.CANCELLED)).answers
    assert (cancelled.answer_id, cancelled.code) == (working.answer_id, None)


def test_what_is_tried_again_or_recorded_again_is_listed_no_more(services, administration, stores, interview):
    ref = failed(services, stores, interview)
    administration.decide(GRACE, Action.RETRY, ref.answer_id)
    assert administration.list_of(Which(Status.FAILED)).answers == []
    administration.decide(GRACE, Action.FAIL, ref.answer_id)
    assert len(administration.list_of(Which(Status.FAILED)).answers) == 1
    accept(services, interview)
    assert administration.list_of(Which(Status.FAILED)).answers == []
    with pytest.raises(NotFound):
        administration.show(ref.answer_id)
    assert stores.session(interview.id)["ended"] == []


def test_a_recording_that_is_gone_cannot_be_retried_and_says_so(services, administration, stores, interview):
    ref = accept(services, interview)
    stores.answers.fail(stores.claim(ref), code="bad_audio", message="Damaged.", keeps_audio=False)
    listed = administration.show(ref.answer_id)
    assert (listed.can_retry, listed.retained_until) == (False, None)
    with pytest.raises(Conflict) as refused:
        administration.decide(GRACE, Action.RETRY, ref.answer_id)
    assert refused.value.code == "recording_gone"
    assert services.audit.list_of().rows == []


def test_when_the_retention_is_over_the_answer_is_still_listed(services, administration, stores, interview):
    ref = failed(services, stores, interview)
    answer = stores.answer(ref)
    assert stores.answers.forget_audio(ref, answer["gridfs_file_id"])
    (listed,) = administration.list_of(Which(Status.FAILED)).answers
    assert (listed.answer_id, listed.can_retry) == (ref.answer_id, False)


def test_pages_follow_each_other_without_gaps(services, administration, stores):
    expected = many_failed(services, stores, 7)
    seen, after = [], None
    for _ in range(10):
        page = administration.list_of(Which(Status.FAILED, after=after, limit=3))
        seen += [each.answer_id for each in page.answers]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(expected)
    times = [stores.database["interview_sessions"].find_one({"answer_ids": each})["ended"][0]["at"] for each in seen]
    assert times == sorted(times, reverse=True)


def test_a_code_narrows_the_list(services, administration, stores):
    many_failed(services, stores, 2)
    other = services.sessions.start(Caller("ada"), questions("q1"), language=None, details={}).session
    ref = failed(services, stores, other, code="$odd")
    page = administration.list_of(Which(Status.FAILED, code="$odd"))
    assert [each.answer_id for each in page.answers] == [ref.answer_id]


@pytest.mark.parametrize("action", list(Action))
def test_every_decision_is_on_record(services, administration, stores, interview, action):
    ref = failed(services, stores, interview) if action is Action.RETRY else accept(services, interview)
    administration.decide(GRACE, action, ref.answer_id)
    (row,) = services.audit.list_of().rows
    assert (row.action, row.actor_id, row.session_id, row.owner_id) == (
        f"answer.{action}",
        "grace",
        interview.id,
        "ada",
    )
    assert row.details == {"answer_id": ref.answer_id, "question_id": "q1"}
    stores.check(interview.id)


def test_what_cannot_be_recorded_is_not_done(services, administration, stores, interview, monkeypatch):
    ref = failed(services, stores, interview)

    def away(*_: object, **__: object) -> None:
        raise Unavailable("The database does not answer.")

    monkeypatch.setattr(type(services.audit), "record", away)
    with pytest.raises(Unavailable):
        administration.decide(GRACE, Action.RETRY, ref.answer_id)
    assert stores.answer(ref)["transcription_status"] == "failed"


def test_of_many_each_has_its_outcome(services, administration, stores, queue: RememberingQueue):
    first, second = many_failed(services, stores, 2)
    queue.sent.clear()
    administration.decide(GRACE, Action.RETRY, second)
    outcomes = administration.decide_each(GRACE, Action.RETRY, [first, second, "0" * 24, first])
    assert [(each.answer_id, each.outcome) for each in outcomes.outcomes] == [
        (first, "done"),
        (second, "answer_queued"),
        ("0" * 24, "no_answer"),
    ]
    assert (outcomes.done, outcomes.refused, outcomes.remaining) == (1, 2, 0)
    assert {ref.answer_id for ref in queue.sent} == {first, second}


def test_a_filter_takes_as_many_as_it_may_and_says_what_remains(services, administration, stores):
    expected = many_failed(services, stores, 5)
    first = administration.decide_all(GRACE, Action.RETRY, Which(Status.FAILED, limit=2))
    assert (first.done, first.remaining) == (2, 3)
    second = administration.decide_all(GRACE, Action.RETRY, Which(Status.FAILED, after=first.next))
    assert (second.done, second.remaining, second.next) == (3, 0, None)
    assert {each.answer_id for each in (*first.outcomes, *second.outcomes)} == set(expected)


def test_what_is_refused_is_not_in_the_way_of_the_rest(services, administration, stores):
    ids = many_failed(services, stores, 3)
    for answer_id in ids[1:]:
        place = administration.show(answer_id)
        ref = AnswerRef(place.session_id, place.question_id, answer_id)
        stores.answers.forget_audio(ref, stores.answer(ref)["gridfs_file_id"])
    first = administration.decide_all(GRACE, Action.RETRY, Which(Status.FAILED, limit=2))
    assert (first.done, first.refused, first.remaining) == (0, 2, 1)
    assert administration.decide_all(GRACE, Action.RETRY, Which(Status.FAILED, after=first.next)).done == 1


def test_the_depth_of_the_queue_counts_what_there_is_to_do(services, administration, stores, interview):
    assert administration.depth().oldest_at is None
    waiting = accept(services, interview, "q1")
    stores.claim(accept(services, interview, "q2"))
    many_failed(services, stores, 2)
    depth = administration.depth()
    assert (depth.queued, depth.processing, depth.audio_seconds, depth.unknown_length) == (1, 1, 3.0, 0)
    assert depth.oldest_at == stores.answer(waiting)["created_at"]
    assert depth.failed_by_code == {"poison": 2}


def test_lists_are_served_by_indexes(services, administration, stores, database: MongoDatabase):
    many_failed(services, stores, 3)
    for number in range(60):
        database["interview_sessions"].insert_one(
            {"_id": f"s{number}", "link": {"token_hash": str(number)}, "open": [], "ended": [], "answer_ids": []}
        )
    matches = [
        {"ended": {"$elemMatch": {"status": "failed"}}},
        {"ended": {"$elemMatch": {"status": "failed", "code": "poison"}}},
        {"open.holder": {"$gt": ""}},
        {"ended.status": "failed"},
    ]
    for match in matches:
        explained = database["interview_sessions"].find(match).explain()
        assert "COLLSCAN" not in str(explained["queryPlanner"]["winningPlan"])
        assert explained["executionStats"]["totalDocsExamined"] <= 3
