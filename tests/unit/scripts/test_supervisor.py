"""The supervisor as a process of its own, over programs of a line or two."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from config import ROOT
from scripts.supervisor import EXIT_CONFIGURATION
from tests.processes import is_alive, wait_until

SUPERVISE = """
import os, sys
from scripts.supervisor import Patience, Supervisor
patience = Patience(0.01, longest_pause_seconds=0.1, settled_seconds=float(sys.argv[2]), stop_seconds=5)
command = (sys.executable, "-I", "-S", "-c", sys.argv[1])
options = {"says_when_ready": sys.argv[3] == "says"}
sys.exit(Supervisor(command, os.environ, patience, lambda line: print(line, flush=True), **options).run())
"""
# Notes its process id and says so; then does what follows.
NOTE = "import os, signal, sys, time; open(os.environ['NOTES'], 'a').write(f'{os.getpid()}\\n'); "
LIVE = NOTE + "time.sleep(60)"

Start = Callable[..., "subprocess.Popen[str]"]


class Notes:
    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def pids(self) -> list[int]:
        return [int(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def has(self, pids: int) -> bool:
        return len(self.pids) == pids


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.fixture
def start(notes: Notes) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start(program: str, *, settled_seconds: float = 60, says: bool = False) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, program, str(settled_seconds), "says" if says else ""],
            cwd=ROOT,
            env={**os.environ, "NOTES": str(notes.path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
    for pid in notes.pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.communicate()


def test_a_program_that_is_killed_is_started_again(start: Start, notes: Notes):
    process = start(LIVE, settled_seconds=0)
    for times in range(1, 6):
        wait_until(partial(notes.has, times))
        os.kill(notes.pids[-1], signal.SIGKILL)
    wait_until(lambda: len(notes.pids) == 6)
    assert process.poll() is None


def test_one_that_dies_at_once_again_and_again_is_started_after_longer_and_longer_pauses(start: Start, notes: Notes):
    process = start(NOTE + "sys.exit(7)")
    wait_until(lambda: len(notes.pids) >= 8)
    assert process.poll() is None
    process.terminate()
    said, _ = process.communicate(timeout=20)
    for pause in ("0.01", "0.02", "0.04", "0.08", "0.1"):
        assert f"(exit code 7) and is started again in {pause} s." in said


def test_one_that_says_its_configuration_is_wrong_is_not_started_again(start: Start, notes: Notes):
    process = start(NOTE + f"sys.exit({EXIT_CONFIGURATION})")
    assert process.wait(20) == EXIT_CONFIGURATION
    assert len(notes.pids) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_is_passed_on_and_its_exit_code_is_ours(start: Start, notes: Notes, number):
    leave = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3)); signal.signal(signal.SIGINT, lambda *_: sys.exit(3)); "
    )
    process = start(leave.join(("import signal, sys; ", LIVE)))
    wait_until(lambda: notes.pids)
    process.send_signal(number)
    assert process.wait(20) == 3
    assert len(notes.pids) == 1


def test_what_does_not_stop_is_ended(start: Start, notes: Notes):
    process = start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVE)
    wait_until(lambda: notes.pids)
    process.terminate()
    process.wait(20)
    assert not is_alive(notes.pids[0])


def test_what_has_not_started_yet_is_ended_at_once(start: Start, notes: Notes):
    process = start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + LIVE, says=True)
    wait_until(lambda: notes.pids)
    process.terminate()
    said, _ = process.communicate(timeout=20)
    assert "had not started yet" in said
    assert not is_alive(notes.pids[0])


def test_what_has_said_that_it_started_may_finish(start: Start, notes: Notes):
    say = "import os, signal, sys; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(1), sys.exit(3))); "
    process = start(say + "os.write(int(os.environ['READY_FD']), b'.'); " + LIVE, says=True)
    wait_until(lambda: notes.pids)
    process.terminate()
    assert process.wait(20) == 3


def test_nothing_of_a_dead_program_goes_on(start: Start, notes: Notes):
    # Its child is in its session, but does not end with it.
    start(
        NOTE
        + "os.fork() or (open(os.environ['NOTES'], 'a').write(f'{os.getpid()}\\n'), time.sleep(60)); time.sleep(60)"
    )
    wait_until(lambda: len(notes.pids) == 2)
    parent, child = notes.pids
    os.kill(parent, signal.SIGKILL)
    wait_until(lambda: not is_alive(child))
    wait_until(lambda: len(notes.pids) == 4)


def test_the_program_ends_with_its_supervisor(start: Start, notes: Notes):
    process = start(LIVE)
    wait_until(lambda: notes.pids)
    process.kill()
    wait_until(lambda: not is_alive(notes.pids[0]))
