import sys

import pytest

from scripts.issue_token import main
from services.container import Services
from services.errors import Unauthorized
from services.storage.client import MongoDatabase


@pytest.fixture
def issue(monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database: MongoDatabase):
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", database.name)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["issue_token", *arguments])
        return main()

    return run


def test_the_token_is_that_users_and_no_admins(issue, services: Services, capsys: pytest.CaptureFixture[str]):
    assert issue("ada", "--days", "1") == 0
    caller = services.access.caller_of(capsys.readouterr().out.strip())
    assert (caller.user_id, caller.role, caller.session_id) == ("ada", "user", None)


def test_what_it_prints_is_not_what_is_stored(issue, database: MongoDatabase, capsys: pytest.CaptureFixture[str]):
    issue("ada")
    token = capsys.readouterr().out.strip()
    assert token not in str(list(database["access_tokens"].find()))


@pytest.mark.parametrize("arguments", [[], [""], ["a" * 65], ["a\x00"], ["ada", "--days", "0"], ["ada", "--days", "x"]])
def test_wrong_arguments_are_refused(issue, services: Services, arguments: list[str]):
    with pytest.raises(SystemExit) as ended:
        issue(*arguments)
    assert ended.value.code == 2
    with pytest.raises(Unauthorized):
        services.access.caller_of("")


def test_without_a_database_it_says_what_to_set(issue, monkeypatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("MONGODB_URI", "")
    assert issue("ada") == 2
    assert "MONGODB_URI" in capsys.readouterr().err
