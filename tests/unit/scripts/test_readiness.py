from collections.abc import Iterable
from typing import Any

import pytest

from scripts import readiness
from scripts.readiness import StartFailed, wait_until_ready
from scripts.web_server import WebServer
from tests.factories import settings_with

LOADING = {"status": "starting", "checks": {"mongodb": "ok", "worker": {"state": "loading", "detail": "12 % there"}}}
FAILED = {"status": "failed", "checks": {"mongodb": "ok", "worker": {"state": "failed", "detail": "no such model"}}}
NO_WORKER = {"status": "starting", "checks": {"mongodb": "ok", "worker": {"state": "missing", "detail": "none"}}}
NO_DATABASE = {"status": "failed", "checks": {"mongodb": "does not answer", "worker": {"state": "missing"}}}
READY = {"status": "ready", "whisper_model": "demo", "demo_model": True}


class ScriptedWeb(WebServer):
    """A web server that answers what it is told, one answer a question; it has ended where the answer is a number."""

    def __init__(self, answers: Iterable[tuple[int, dict[str, Any]] | int | None]) -> None:
        super().__init__(settings_with())
        self._answers = list(answers)

    @property
    def exit_code(self) -> int | None:
        return self._answers[0] if isinstance(self._answers[0], int) else None

    def readiness(self) -> tuple[int, dict[str, Any]] | None:
        answer = self._answers.pop(0)
        assert not isinstance(answer, int)
        return answer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(readiness, "POLL_SECONDS", 0)


def test_it_says_what_it_waits_for_once_and_returns_the_last_answer():
    said: list[str] = []
    web = ScriptedWeb([None, None, (503, LOADING), (503, LOADING), (200, READY)])
    assert wait_until_ready(web, said.append, needs_worker=True) == READY
    assert said == ["  starting the web server (0 s)", "  loading the speech model: 12 % there (0 s)"]


def test_it_says_so_again_when_nothing_changes_for_long(monkeypatch):
    monkeypatch.setattr(readiness, "SAY_SECONDS", 0)
    said: list[str] = []
    wait_until_ready(ScriptedWeb([(503, LOADING), (503, LOADING), (200, READY)]), said.append, needs_worker=True)
    assert len(said) == 2


def test_a_model_that_cannot_be_loaded_ends_the_wait_with_its_reason_and_the_way_out():
    with pytest.raises(StartFailed, match=r"no such model\n.*WHISPER_MODEL"):
        wait_until_ready(ScriptedWeb([(503, FAILED)]), print, needs_worker=True)


def test_a_web_server_that_ends_ends_the_wait():
    with pytest.raises(StartFailed, match="exit code 3"):
        wait_until_ready(ScriptedWeb([None, 3]), print, needs_worker=True)


def test_the_web_tier_alone_waits_for_the_database_but_for_no_worker():
    said: list[str] = []
    web = ScriptedWeb([(503, NO_DATABASE), (503, NO_WORKER)])
    assert wait_until_ready(web, said.append, needs_worker=False) == NO_WORKER
    assert said == ["  waiting for MongoDB: does not answer (0 s)"]
