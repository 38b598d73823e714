from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from scripts.child_process import start_child, stop_child
from scripts.embedded_mongod import WHEEL
from scripts.ports import bind_error, free_port
from scripts.server_binary import find_server_binary
from services.access import OWNER
from services.storage.client import MongoDatabase
from tasks.bootstrap import StartError, bootstrap
from tests.conftest import missing_server
from tests.factories import settings_with
from tests.processes import wait_until

SECRET = "s3cr3t-value"


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    """A mongod that is no replica set."""
    binary = find_server_binary("mongod", WHEEL)
    if binary is None:
        missing_server("no mongod")
        return
    port = free_port()
    options = ["--dbpath", str(tmp_path), "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"]
    with (tmp_path / "log").open("wb") as log:
        process = start_child([str(binary), *options], output=log)
        try:
            wait_until(lambda: bind_error("127.0.0.1", port))
            yield f"mongodb://127.0.0.1:{port}/"
        finally:
            stop_child(process, 5)


def refusal(uri: str) -> str:
    with pytest.raises(StartError) as refused:
        bootstrap(settings_with(mongodb_uri=uri))
    return refused.value.message


def test_everything_is_joined_and_the_indexes_are_made(mongodb_uri: str, database: MongoDatabase):
    process = bootstrap(settings_with(mongodb_uri=mongodb_uri, mongodb_database=database.name))
    with process.database.client:
        process.services.sessions.start(OWNER, [], language=None, details={})
        assert "open.due_1" in process.database["interview_sessions"].index_information()
        assert {"transcribe_answer", "give_feedback"} <= set(process.broker.actors)
    process.services.live.close()


@pytest.mark.parametrize(("seconds", "is_told"), [(60, True), (5, False)])
def test_a_server_that_keeps_dead_transactions_long_is_told_of(
    mongodb_uri: str, database: MongoDatabase, seconds: int, is_told: bool
):
    admin, name = database.client.admin, "transactionLifetimeLimitSeconds"
    before = admin.command({"getParameter": 1, name: 1})[name]
    admin.command({"setParameter": 1, name: seconds})
    try:
        with capture_logs() as told:
            process = bootstrap(settings_with(mongodb_uri=mongodb_uri, mongodb_database=database.name))
        process.database.client.close()
    finally:
        admin.command({"setParameter": 1, name: before})
    assert [each.get("seconds") for each in told] == ([60] if is_told else [])


def test_a_standalone_mongod_is_refused_with_the_command_that_mends_it(standalone: str):
    message = refusal(standalone)
    assert message.startswith("MONGODB_URI: ")
    assert "--replSet" in message
    assert "rs.initiate()" in message


def test_no_address_is_refused(mongodb_uri: str):
    assert refusal("").startswith("MONGODB_URI: is not set")


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://user:{SECRET}@127.0.0.1:{{port}}/",
        f"mongodb://user:{SECRET}@host:{SECRET}/",
        f"mongodb://us@er:{SECRET}@host",
        f"mongodb+srv://{SECRET}",
        f"mongodb://[{SECRET}",
        "mongodb://",
    ],
    ids=["away", "port", "unescaped", "srv", "brackets", "empty"],
)
def test_an_address_that_does_not_work_is_named_by_its_variable_and_not_repeated(closed_port: int, uri: str):
    message = refusal(uri.format(port=closed_port))
    assert message.startswith("MONGODB_URI: ")
    assert SECRET not in message


def test_wrong_credentials_are_named_by_their_variable(mongodb_uri: str):
    given = mongodb_uri.replace("mongodb://", f"mongodb://nobody:{SECRET}@", 1)
    message = refusal(given)
    assert message == "MONGODB_URI: The database refuses access with these credentials."
