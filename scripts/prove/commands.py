"""The rows that other programs of this repository prove: they end with 0, or the row has failed."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from config import ROOT
from scripts.chaos.bars import Line

Say = Callable[[str], None]


def hostile(_: Path, count: int, say: Say) -> list[Line]:
    """10 h of silence, playlists, archives, pages, pictures: refused or failed within their bounds."""
    return _pytest(count, say, "tests/api/test_hostile_recordings.py", "tests/unit/services/audio")


def mutated(_: Path, count: int, say: Say) -> list[Line]:
    """Damaged recordings: no crash, no hang, every one categorised."""
    return _run(say, f"{count} damaged recordings", ["-m", "scripts.fuzz.recordings", "--files", str(count)])


def api(_: Path, count: int, say: Say) -> list[Line]:
    """schemathesis, every check, stateful, for so many minutes: no 5xx."""
    return _run(say, f"{count} minutes of requests", ["-m", "scripts.fuzz", "--only", "api", "--minutes", str(count)])


def matrix(_: Path, count: int, say: Say) -> list[Line]:
    """Every route as nobody, as another, expired, revoked and in the wrong role: all refused."""
    return _pytest(count, say, "tests/api/test_authorisation_matrix.py")


def machine(_: Path, count: int, say: Say) -> list[Line]:
    """The answer's state machine at its full count: every invariant holds."""
    return _pytest(count, say, "tests/storage/test_answer_machine.py", more={"PARLEY_PROVE": "1"})


def _pytest(times: int, say: Say, *paths: str, more: Mapping[str, str] | None = None) -> list[Line]:
    there = [path for path in paths if (ROOT / path).exists()]
    command = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout", "0", *there]
    return [line for _ in range(times) for line in _run(say, " ".join(there), command, more)]


def _run(say: Say, what: str, arguments: list[str], more: Mapping[str, str] | None = None) -> list[Line]:
    say(what)
    ended = subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **(more or {})}, check=False)
    return [Line(what, f"exit {ended.returncode}", "exit 0", ended.returncode == 0)]
