from datetime import UTC, datetime

import pytest

from services.container import Services
from services.errors import Forbidden, InvalidRequest, NotFound
from services.models import Caller, Hints, Question, Session, Task
from services.storage.client import MongoDatabase
from tests.factories import questions

ADA, BEN, ADMIN = Caller("ada"), Caller("ben"), Caller("root", role="admin")


def start(services: Services, caller: Caller = ADA) -> Session:
    return services.sessions.start(caller, questions("q1"), language=None, details={}).session


def test_a_session_is_read_as_it_was_started(services: Services):
    asked = [Question("q1", "Why?", "Because.", ("reason", "cause")), Question("q2", "How?")]
    hints = Hints("en", Task.TRANSLATE, "About us.", ("SLO",))
    started = services.sessions.start(ADA, asked, language="en", details={"tier": "gold"}, hints=hints)
    assert (started.session.task, started.session.vocabulary) == (Task.TRANSLATE, ("SLO",))
    assert services.sessions.get(ADA, started.session.id) == started.session
    assert started.link_expires_at > datetime.now(UTC)


def test_a_session_from_before_there_were_hints_has_none(services: Services, database: MongoDatabase):
    session = start(services)
    fields = {"task": 1, "initial_prompt": 1, "vocabulary": 1}
    database["interview_sessions"].update_one({"_id": session.id}, {"$unset": fields})
    assert services.sessions.get(ADA, session.id) == session


def test_two_questions_with_one_id_are_refused_and_nothing_is_stored(services: Services, database: MongoDatabase):
    with pytest.raises(InvalidRequest) as refused:
        services.sessions.start(ADA, questions("q1", "q2", "q1"), language=None, details={})
    assert refused.value.code == "duplicate_question_id"
    assert database["interview_sessions"].count_documents({}) == 0


def test_another_persons_session_is_as_missing_as_a_missing_one(services: Services):
    session = start(services)
    with pytest.raises(NotFound) as anothers:
        services.sessions.get(BEN, session.id)
    with pytest.raises(NotFound) as missing:
        services.sessions.get(BEN, "0" * 24)
    assert (anothers.value.message, anothers.value.code) == (missing.value.message, missing.value.code)
    assert services.sessions.get(ADMIN, session.id) == session


def test_a_link_reads_its_own_session_and_no_other_of_its_owner(services: Services):
    own, other = start(services), start(services)
    link = Caller("ada", role="candidate", session_id=own.id)
    assert services.sessions.get(link, own.id) == own
    with pytest.raises(NotFound):
        services.sessions.get(link, other.id)


def test_a_link_neither_starts_nor_lists_sessions(services: Services):
    link = Caller("ada", role="candidate", session_id=start(services).id)
    with pytest.raises(Forbidden):
        start(services, link)
    with pytest.raises(Forbidden):
        services.sessions.list_of(link, after=None, limit=1)


def test_a_list_is_ones_own_newest_first_page_by_page(services: Services, database: MongoDatabase):
    mine = [start(services).id for _ in range(5)]
    start(services, BEN)
    # Two of the same millisecond at the edge of a page must not be lost or doubled.
    same = datetime(2026, 1, 1, tzinfo=UTC)
    database["interview_sessions"].update_many({"_id": {"$in": mine[:3]}}, {"$set": {"created_at": same}})
    seen, after = [], None
    for _ in range(3):
        page = services.sessions.list_of(ADA, after=after, limit=2)
        seen += [session.id for session in page.sessions]
        after = page.next
    assert after is None
    assert set(seen[:2]) == set(mine[3:])
    assert seen[2:] == sorted(mine[:3], reverse=True)
