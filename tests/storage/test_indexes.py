"""Indexes of a database that has grown before they were thought of."""

import pytest

from services.storage import client, indexes
from services.storage.client import MongoDatabase, connect
from services.storage.indexes import ensure_indexes


def test_an_index_may_take_longer_than_one_call(
    mongodb_uri: str, database: MongoDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{database.name}_grown"
    database.client[name]["transcripts"].insert_many({"answer_id": str(i), "revision": 1} for i in range(20_000))
    # Less than sorting these takes, and perhaps than it takes to be answered at all.
    monkeypatch.setattr(client, "OPERATION_TIMEOUT_MS", 5)
    monkeypatch.setattr(indexes, "ping", lambda _: None)
    hasty = connect(mongodb_uri, name)
    try:
        ensure_indexes(hasty)
        assert "answer_id_1_revision_-1" in database.client[name]["transcripts"].index_information()
    finally:
        hasty.client.close()
        database.client.drop_database(name)
