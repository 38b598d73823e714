"""Who comes back after their erasure begins anew, and what they do then is theirs."""

from datetime import UTC, datetime, timedelta

from services.container import Services
from services.idempotency import Key, Reply
from services.models import Caller
from services.storage.client import MongoDatabase
from services.storage.idempotency import Attempt
from services.storage.usage import UsageStore
from tests.factories import questions

ADA = Caller("ada")
KEY = Key(ADA, None, "purpose", "key", "credential")
REPLY = Reply(200, {}, "")


def be_active(services: Services, database: MongoDatabase) -> None:
    """Everything that is kept under a person's name."""
    session = services.sessions.start(ADA, questions("q1"), language=None, details={}).session
    UsageStore(database).count_audio(session.id, 1.0)
    services.tickets.issue(
        services.access.grant_of(services.access.issue(ADA, valid_for=timedelta(hours=1))), session.id
    )
    if not services.idempotency.is_known(KEY):
        attempt = services.idempotency.begin(KEY, b"content")
        assert isinstance(attempt, Attempt)
        services.idempotency.finish(KEY, attempt, REPLY, awaits_majority=True)


def rows(database: MongoDatabase) -> dict[str, int]:
    fields = {"access_tokens": "user_id", "tickets": "user_id", "idempotency_keys": "user_id", "usage": "owner_id"}
    return {name: database[name].count_documents({field: "ada"}) for name, field in fields.items()}


def look(services: Services, database: MongoDatabase) -> None:
    database["erasures"].update_many({}, {"$set": {"due": datetime.now(UTC) - timedelta(seconds=1)}})
    services.erasure.sweep()


def test_later_looks_leave_alone_what_somebody_does_who_is_back(services: Services, database: MongoDatabase):
    be_active(services, database)
    assert services.erasure.erase_person(ADA, "ada").is_complete
    assert set(rows(database).values()) == {0}
    be_active(services, database)
    look(services, database)
    assert services.idempotency.begin(KEY, b"content") == REPLY
    assert rows(database) == dict.fromkeys(rows(database), 1)


def test_a_persons_tombstone_goes_also_while_they_are_busy_again(services: Services, database: MongoDatabase):
    be_active(services, database)
    services.erasure.erase_person(ADA, "ada")
    for _ in range(2):
        be_active(services, database)
        look(services, database)
    assert database["erasures"].count_documents({"kind": "person"}) == 0
