"""A short fault run, as `make chaos` does it: everything is killed at least once, and every answer is accounted for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config import ROOT
from tests.conftest import missing_server
from tests.processes import is_alive

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.timeout(300)]


def test_a_short_fault_run_accounts_for_every_answer_and_leaves_nothing_behind(tmp_path: Path, demo_model: str) -> None:
    command = [sys.executable, "-m", "scripts.chaos", "--minutes", "0.2", "--seed", "7", "--candidates", "2"]
    ran = subprocess.run(
        [*command, "--directory", str(tmp_path / "chaos")],
        cwd=ROOT,
        env={**os.environ, "MONGODB_URI": "", "REDIS_URL": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode == 2:
        missing_server(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Every bar holds." in ran.stdout
    assert not list((tmp_path / "chaos").iterdir())
    assert processes_with(str(tmp_path)) == []


def processes_with(word: str) -> list[int]:
    """Those that name it in their command or environment, as everything that the run starts does."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            told = (directory / "cmdline").read_bytes() + (directory / "environ").read_bytes()
        except OSError:
            continue
        if word.encode() in told and int(directory.name) != os.getpid() and is_alive(int(directory.name)):
            found.append(int(directory.name))
    return found
