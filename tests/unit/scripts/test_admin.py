"""The operators' commands, as an operator starts them."""

import getpass
import json
import logging
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from config import ROOT
from scripts.admin import main
from services.container import Services
from services.models import AnswerRef, Caller, Session
from tests.factories import questions, recording_of
from tests.stores import Stores

Run = Any


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As a command sets it, but not for the rest of the test run."""
    before = structlog.get_config()
    errors_only = structlog.make_filtering_bound_logger(logging.ERROR)
    monkeypatch.setattr("scripts.admin.configure_logging", lambda *_: structlog.configure(wrapper_class=errors_only))
    yield
    structlog.configure(**before)


@pytest.fixture
def run(stores: Stores, mongodb_uri: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command; its exit code, standard output and standard error."""
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("MONGODB_DATABASE", stores.database.name)
    monkeypatch.setenv("REDIS_URL", "")
    monkeypatch.setenv("COLUMNS", "300")

    def command(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def interview(services: Services) -> Session:
    return services.sessions.start(Caller("ada"), questions("q1", "q2"), language=None, details={}).session


@pytest.fixture
def failed(services: Services, stores: Stores, interview: Session) -> AnswerRef:
    receipt = services.answers.accept(interview, "q1", recording_of(), "ada")
    ref = AnswerRef(interview.id, "q1", receipt.answer_id)
    stores.answers.fail(stores.claim(ref), code="poison", message="[red]It failed.[/red]", keeps_audio=True)
    return ref


def test_failed_answers_are_listed_for_people_and_for_programs(run: Run, failed: AnswerRef):
    code, table, _ = run("list")
    assert (code, failed.answer_id in table, "poison" in table) == (0, True, True)
    (document,) = json.loads(run("--json", "list", "--code", "poison")[1])
    assert (document["answer_id"], document["message"]) == (failed.answer_id, "[red]It failed.[/red]")
    assert "[red]It failed.[/red]" in run("show", failed.answer_id)[1]


def test_a_retry_queues_the_answer_and_names_the_operator(run: Run, services: Services, stores: Stores, failed):
    code, _, said = run("retry", failed.answer_id)
    assert (code, said) == (0, "1 done, 0 refused, 0 more to look at.\n")
    assert stores.answer(failed)["transcription_status"] == "queued"
    (row,) = services.audit.list_of().rows
    assert (row.action, row.actor_id) == ("answer.retry", f"shell:{getpass.getuser()}")
    assert run("retry", failed.answer_id)[0] == 1


def test_many_at_once_need_a_yes(run: Run, stores: Stores, failed: AnswerRef, monkeypatch: pytest.MonkeyPatch):
    code, _, said = run("retry", "--status", "failed")
    assert (code, "Say --yes." in said) == (1, True)
    assert stores.answer(failed)["transcription_status"] == "failed"
    assert run("retry", "--status", "failed", "--yes")[0] == 0
    assert stores.answer(failed)["transcription_status"] == "queued"
    assert run("fail", "--status", "queued", "--message", "Sorry.", "--yes")[0] == 0
    assert stores.answer(failed)["transcription_error"]["message"] == "Sorry."


@pytest.mark.parametrize("answer", ["y\n", "n\n", ""])
def test_a_person_is_asked(run: Run, stores: Stores, failed: AnswerRef, monkeypatch, answer: str):
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    run("retry", "--status", "failed")
    expected = "queued" if answer == "y\n" else "failed"
    assert stores.answer(failed)["transcription_status"] == expected


@pytest.mark.parametrize("arguments", [["cancel"], ["cancel", "0" * 24, "--status", "queued"]])
def test_neither_ids_nor_a_filter_is_refused_and_so_are_both(run: Run, arguments: list[str]):
    code, _, said = run(*arguments)
    assert (code, said) == (1, "Say either ids of answers or --status.\n")


def test_what_is_not_there_is_one_sentence(run: Run):
    assert run("show", "0" * 24) == (1, "", "There is no such answer.\n")
    assert run("erase", "0" * 24, "--yes") == (1, "", "There is no such session.\n")
    assert run("cancel", "0" * 24)[0] == 1


def test_the_queue_and_the_sweep(run: Run, failed: AnswerRef):
    assert json.loads(run("--json", "queue")[1])["failed_by_code"] == {"poison": 1}
    swept = json.loads(run("--json", "sweep")[1])
    assert swept.pop("searchable") == 1
    assert set(swept) >= {"sent", "erasures", "replaced", "events", "feedback", "webhooks", "expired"}
    assert set(swept.values()) == {0}


def test_erasing_asks_and_gives_a_receipt(run: Run, stores: Stores, interview: Session, failed: AnswerRef):
    assert run("erase", interview.id)[0] == 1
    code, receipt, _ = run("--json", "erase", interview.id, "--yes")
    assert (code, json.loads(receipt)["removed"]["recordings"]) == (0, 1)
    assert stores.database["interview_sessions"].count_documents({}) == 0
    assert run("--json", "erase", "--person", "ada", "--yes")[0] == 0


def test_an_export_is_a_file_for_its_owner_and_overwrites_nothing(run: Run, interview: Session, tmp_path: Path):
    path = tmp_path / "taken.zip"
    assert run("export", interview.id, "--to", str(path))[0] == 0
    assert zipfile.ZipFile(path).namelist() == ["session.json"]
    assert path.stat().st_mode & 0o777 == 0o600
    code, _, said = run("export", interview.id, "--to", str(path))
    assert (code, said) == (1, f"{path}: File exists.\n")


def test_without_a_database_it_says_what_to_set(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MONGODB_URI", "")
    code, _, said = run("queue")
    assert (code, "MONGODB_URI" in said) == (2, True)


def test_a_process_of_its_own_says_on_standard_output_what_was_asked_for_alone(stores: Stores, mongodb_uri: str):
    environment = os.environ | {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": stores.database.name, "REDIS_URL": ""}
    command = [sys.executable, "-m", "scripts.admin", "--json", "queue"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout)["queued"] == 0


@pytest.mark.covers("E7-S3.3")
def test_a_flag_is_switched_off_and_back_from_a_shell(run: Run, services: Services):
    code, _, said = run("flags", "set", "audio_answers", "0")
    assert (code, said) == (0, "")
    assert not services.flags.is_on("audio_answers", "s")
    listed = {flag["name"]: flag["percent"] for flag in json.loads(run("--json", "flags")[1])}
    assert listed == {"llm_feedback": 100.0, "challenger_model": 0.0, "audio_answers": 0.0}
    assert run("flags", "reset", "audio_answers")[0] == 0
    assert services.flags.show("audio_answers").percent == 100
    (row, *_) = services.audit.list_of().rows
    assert (row.action, row.actor_id) == ("flag.reset", f"shell:{getpass.getuser()}")


@pytest.mark.parametrize(
    "arguments", [("set", "nosuch", "1"), ("set", "audio_answers", "101"), ("set",), ("set", "x"), ("reset",)]
)
def test_a_flag_command_that_cannot_be_meant_changes_nothing(run: Run, stores: Stores, arguments):
    assert run("flags", *arguments)[0] == 1
    assert stores.database["feature_flags"].count_documents({}) == 0
