from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from services.access import OWNER, hash_of
from services.container import Services
from services.errors import Unauthorized
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.factories import questions


def everything_in(database: MongoDatabase) -> Iterator[Any]:
    for name in database.list_collection_names():
        yield from database[name].find()


def test_a_token_is_its_callers_and_no_other_token_is(services: Services):
    caller = Caller(user_id="ada")
    token = services.access.issue(caller, valid_for=timedelta(hours=1))
    assert services.access.caller_of(token) == caller
    for wrong in ("", token[:-1], token + "a", token.upper(), hash_of(token), "$ne", "\ud800"):
        with pytest.raises(Unauthorized):
            services.access.caller_of(wrong)


def test_no_token_can_be_read_in_the_database(services: Services, database: MongoDatabase):
    tokens = [
        services.access.ensure_first_token(None) or pytest.fail("no first token"),
        services.access.issue(OWNER, valid_for=timedelta(hours=1)),
        services.sessions.start(OWNER, questions("q1"), language=None, details={}).link_token,
        "a-bootstrap-token-of-some-length",
    ]
    services.access.ensure_first_token(tokens[-1])
    stored = [str(document) for document in everything_in(database)]
    assert len(stored) == 4
    assert not [token for token in tokens for text in stored if token in text]


def test_a_token_ends_when_its_time_is_over(services: Services):
    token = services.access.issue(OWNER, valid_for=timedelta(seconds=-1))
    with pytest.raises(Unauthorized):
        services.access.caller_of(token)


def test_the_first_token_is_made_once(services: Services):
    token = services.access.ensure_first_token(None)
    assert token is not None
    assert services.access.caller_of(token) == OWNER
    assert services.access.ensure_first_token(None) is None


def test_processes_that_start_at_once_make_one_token(services: Services, database: MongoDatabase):
    barrier, made = Barrier(8), []

    def start() -> None:
        barrier.wait()
        made.append(services.access.ensure_first_token(None))

    starting = [Thread(target=start) for _ in range(8)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    (token,) = (each for each in made if each is not None)
    assert services.access.caller_of(token) == OWNER
    assert database["access_tokens"].count_documents({}) == 1


def test_a_person_without_tokens_stays_outside_and_others_do_not_notice(services: Services):
    tokens = [services.access.issue(Caller(who), valid_for=timedelta(hours=1)) for who in ("ada", "ada", "bob")]
    grants = [services.access.grant_of(token) for token in tokens]
    assert services.access.revoke("ada") == 2
    assert services.access.revoke("ada") == 0
    for token, grant in zip(tokens[:2], grants[:2], strict=True):
        with pytest.raises(Unauthorized):
            services.access.caller_of(token)
        with pytest.raises(Unauthorized):
            services.access.renewed(grant)
    assert services.access.renewed(grants[2]).caller == Caller("bob")


def test_a_bootstrap_token_is_the_owners_and_is_never_shown(services: Services):
    for _ in range(2):
        assert services.access.ensure_first_token("sixteen-letters-") is None
    assert services.access.caller_of("sixteen-letters-") == OWNER
    assert services.access.ensure_first_token(None) is None


def test_a_link_opens_its_own_session_until_it_expires(services: Services, database: MongoDatabase):
    started = services.sessions.start(Caller("ada"), questions("q1"), language=None, details={})
    caller = services.access.caller_of(started.link_token)
    assert caller == Caller(user_id="ada", role="candidate", session_id=started.session.id)
    past = datetime.now(UTC) - timedelta(seconds=1)
    database["interview_sessions"].update_one({}, {"$set": {"link.expires_at": past}})
    with pytest.raises(Unauthorized):
        services.access.caller_of(started.link_token)
