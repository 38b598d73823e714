"""The audit log: every row is kept, and read again newest first."""

from collections.abc import Iterator

import pytest

from services import audit as audit_module
from services.audit import Audit
from services.container import Services
from services.errors import Unavailable
from services.models import Caller
from services.storage.audit import AuditStore
from services.storage.client import connect
from tests.factories import questions

ADMIN = Caller("ada", role="admin")


def test_a_row_says_who_did_what_to_whose_session(services: Services) -> None:
    services.audit.record("link.revoke", ADMIN, session_id="s1", owner_id="bob", details={"count": 2})
    (row,) = services.audit.list_of().rows
    assert (row.action, row.actor_id, row.actor_role) == ("link.revoke", "ada", "admin")
    assert (row.session_id, row.owner_id, row.details) == ("s1", "bob", {"count": 2})
    assert row.at.tzinfo is not None


def test_rows_are_paged_newest_first_and_each_is_seen_once(services: Services) -> None:
    for number in range(7):
        services.audit.record(f"thing.{number}", ADMIN, session_id="s1" if number % 2 else "s2")
    assert list(actions(services.audit, limit=2)) == [f"thing.{number}" for number in range(6, -1, -1)]
    assert list(actions(services.audit, limit=2, session_id="s1")) == ["thing.5", "thing.3", "thing.1"]


def actions(audit: Audit, **options: object) -> Iterator[str]:
    after = None
    while True:
        page = audit.list_of(after=after, **options)  # type: ignore[arg-type]
        yield from (row.action for row in page.rows)
        if page.next is None:
            return
        after = page.next


def test_texts_that_mongodb_could_read_as_commands_are_kept_as_they_are(services: Services) -> None:
    services.audit.record("$set", Caller("$owner_id"), session_id="$seq", details={"code": "$$NOW"})
    (row,) = services.audit.list_of(session_id="$seq").rows
    assert (row.action, row.actor_id, row.details) == ("$set", "$owner_id", {"code": "$$NOW"})


def test_a_row_that_cannot_be_written_is_not_passed_over(closed_port: int) -> None:
    database = connect(f"mongodb://127.0.0.1:{closed_port}/?serverSelectionTimeoutMS=100", "x")
    with database.client, pytest.raises(Unavailable):
        Audit(AuditStore(database)).record("session.erase", ADMIN)


def test_who_looks_again_and_again_leaves_one_row_and_every_connection_its_own(services: Services) -> None:
    session = services.sessions.start(Caller("bob"), questions("q1"), language=None, details={}).session
    other = services.sessions.start(Caller("bob"), questions("q1"), language=None, details={}).session
    for _ in range(3):
        services.audit.record_read(ADMIN, session, door="/a", is_connection=False)
    services.audit.record_read(ADMIN, other, door="/a", is_connection=False)
    for _ in range(2):
        services.audit.record_read(ADMIN, session, door="/ws", is_connection=True)
    rows = services.audit.list_of(session_id=session.id).rows
    assert [row.details["door"] for row in rows] == ["/ws", "/ws", "/a"]
    assert {(row.action, row.actor_id, row.owner_id) for row in rows} == {("transcript.read", "ada", "bob")}
    assert len(services.audit.list_of(session_id=other.id).rows) == 1


def test_a_look_after_a_while_leaves_another_row(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_module, "ONE_READ_SECONDS", 0)
    session = services.sessions.start(Caller("bob"), questions("q1"), language=None, details={}).session
    for _ in range(2):
        services.audit.record_read(ADMIN, session, door="/a", is_connection=False)
    assert len(services.audit.list_of().rows) == 2
