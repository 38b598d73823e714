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


def test_every_token_of_a_person_can_be_revoked(issue, services: Services, capsys: pytest.CaptureFixture[str]):
    for user in ("ada", "ada", "bob"):
        issue(user)
    *adas, bobs = capsys.readouterr().out.split()
    assert issue("ada", "--revoke") == 0
    assert capsys.readouterr().out.strip() == "Tokens revoked: 2"
    for token in adas:
        with pytest.raises(Unauthorized):
            services.access.caller_of(token)
    assert services.access.caller_of(bobs).user_id == "bob"
    assert issue("ada", "--revoke") == 0
    assert capsys.readouterr().out.strip() == "Tokens revoked: 0"


def test_a_workers_key_is_for_one_owner_and_no_persons_token(issue, services, capsys: pytest.CaptureFixture[str]):
    assert issue("--worker", "ada", "--name", "gpu 1", "--days", "1") == 0
    caller = services.access.caller_of(capsys.readouterr().out.strip())
    (key,) = services.worker_keys.list_of("ada")
    assert (caller.user_id, caller.role, caller.key_id) == ("ada", "worker", key.key_id)
    assert (key.name, key.created_by) == ("gpu 1", "operator")


def test_the_keys_of_workers_can_be_revoked_and_the_person_stays(issue, services, capsys: pytest.CaptureFixture[str]):
    issue("ada")
    issue("--worker", "ada")
    person, worker = capsys.readouterr().out.split()
    assert issue("--worker", "ada", "--revoke") == 0
    assert capsys.readouterr().out.strip() == "Worker keys revoked: 1"
    assert services.access.caller_of(person).user_id == "ada"
    with pytest.raises(Unauthorized):
        services.access.caller_of(worker)


def test_revoking_all_that_a_person_has_ends_the_keys_of_workers(issue, services, capsys: pytest.CaptureFixture[str]):
    issue("--worker", "ada")
    worker = capsys.readouterr().out.strip()
    issue("ada", "--revoke")
    with pytest.raises(Unauthorized):
        services.access.caller_of(worker)


def test_what_an_operator_does_is_in_the_audit_log(issue, services: Services):
    issue("ada")
    issue("ada", "--revoke")
    rows = [(row.action, row.actor_id, row.owner_id) for row in services.audit.list_of().rows]
    assert rows == [("token.revoke", "operator", "ada"), ("token.create", "operator", "ada")]


@pytest.mark.parametrize(
    "arguments",
    [
        ["ada", "--revoke", "--days", "3"],
        [],
        [""],
        ["a" * 65],
        ["a\x00"],
        ["ada", "--days", "0"],
        ["ada", "--days", "x"],
    ],
)
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
