"""What a tombstone stands for goes however much there is of it: no transaction grows with it."""

from datetime import UTC, datetime, timedelta

import pytest

from services.container import Services
from services.models import Caller
from services.storage import traces
from services.storage.client import MongoDatabase

ADMIN = Caller("grace", role="admin")
MANY = 2 * traces.ROWS_AT_ONCE + 1


@pytest.fixture
def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each transaction has counted."""
    counted: list[int] = []
    count = traces.TraceStore._count

    def noted(self: traces.TraceStore, tombstone: object, name: str, number: int, transaction: object) -> None:
        counted.append(number)
        count(self, tombstone, name, number, transaction)  # type: ignore[arg-type]

    monkeypatch.setattr(traces.TraceStore, "_count", noted)
    return counted


def test_many_rows_go_in_parts_and_are_all_counted(
    services: Services, database: MongoDatabase, transactions: list[int]
) -> None:
    before = datetime.now(UTC) - timedelta(hours=1)
    row = {"at": before, "actor_id": "grace", "actor_role": "admin", "session_id": None, "owner_id": "ada"}
    database["audit"].insert_many({**row, "action": "transcript.read", "details": {}} for _ in range(MANY))
    database["idempotency_keys"].insert_many({"_id": str(n), "user_id": "ada"} for n in range(MANY))
    receipt = services.erasure.erase_person(ADMIN, "ada")
    assert receipt.is_complete
    assert (receipt.removed["audit_rows"], receipt.removed["idempotency_keys"]) == (MANY, MANY)
    assert max(transactions) == traces.ROWS_AT_ONCE
    assert database["audit"].count_documents({"owner_id": "ada"}) == 0
