"""Tickets: one connection, one session, one minute, and never longer than what they were made by."""

from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread

import pytest

from services.access import OWNER
from services.container import Services
from services.errors import Unauthorized
from services.grants import Grant
from services.models import Caller
from services.sessions import NewSession
from services.storage.client import MongoDatabase
from tests.factories import questions


@pytest.fixture
def started(services: Services) -> NewSession:
    return services.sessions.start(OWNER, questions("q1"), language=None, details={})


@pytest.fixture
def link(services: Services, started: NewSession) -> Grant:
    return services.access.grant_of(started.link_token)


def test_a_ticket_gives_what_it_was_made_by(services: Services, started: NewSession, link: Grant) -> None:
    ticket = services.tickets.issue(link, started.session.id)
    assert 55 < (ticket.expires_at - datetime.now(UTC)).total_seconds() <= 60
    assert services.tickets.redeem(ticket.ticket, started.session.id) == link


def test_a_ticket_is_taken_once_however_many_come_at_once(services: Services, started: NewSession, link: Grant) -> None:
    ticket = services.tickets.issue(link, started.session.id).ticket
    barrier, taken, refused = Barrier(10), [], []

    def take() -> None:
        barrier.wait()
        try:
            taken.append(services.tickets.redeem(ticket, started.session.id))
        except Unauthorized:
            refused.append(ticket)

    taking = [Thread(target=take) for _ in range(10)]
    for thread in taking:
        thread.start()
    for thread in taking:
        thread.join()
    assert (len(taken), len(refused)) == (1, 9)


def test_a_ticket_for_another_session_is_none_and_is_gone(services: Services, started: NewSession, link: Grant) -> None:
    ticket = services.tickets.issue(link, started.session.id).ticket
    for session_id in ("another", started.session.id):
        with pytest.raises(Unauthorized):
            services.tickets.redeem(ticket, session_id)


def test_a_ticket_ends_after_a_minute(
    services: Services, started: NewSession, link: Grant, database: MongoDatabase
) -> None:
    ticket = services.tickets.issue(link, started.session.id).ticket
    database["tickets"].update_one({}, {"$set": {"expires_at": datetime.now(UTC) - timedelta(seconds=1)}})
    with pytest.raises(Unauthorized):
        services.tickets.redeem(ticket, started.session.id)


def test_a_ticket_lasts_no_longer_than_what_it_was_made_by(services: Services) -> None:
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    assert services.tickets.issue(Grant(Caller("ada"), None, soon), "s").expires_at == soon


def test_a_ticket_of_a_revoked_token_is_none(services: Services) -> None:
    grant = services.access.grant_of(services.access.issue(Caller("ada"), valid_for=timedelta(hours=1)))
    ticket = services.tickets.issue(grant, "s").ticket
    services.access.revoke("ada")
    with pytest.raises(Unauthorized):
        services.tickets.redeem(ticket, "s")


def test_a_ticket_cannot_be_read_in_the_database(
    services: Services, started: NewSession, link: Grant, database: MongoDatabase
) -> None:
    ticket = services.tickets.issue(link, started.session.id).ticket
    stored = str(list(database["tickets"].find()))
    assert started.session.id in stored
    assert ticket not in stored


@pytest.mark.parametrize("wrong", ["", "garbage", "$ne", "\ud800", "x" * 10_000])
def test_what_was_never_a_ticket_is_none(services: Services, wrong: str) -> None:
    with pytest.raises(Unauthorized):
        services.tickets.redeem(wrong, "s")
