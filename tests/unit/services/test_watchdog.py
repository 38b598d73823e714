import subprocess
import sys
import threading

import pytest

from config import ROOT
from services.errors import LeaseLost
from services.watchdog import EXIT_CODE, Watchdog, Watched
from tests.processes import wait_until

FACTS = {"answer_id": "a"}
# A call that releases the interpreter's lock, as PyTorch's do, and one that does not.
SLEEPS = {"releases": "ctypes.CDLL(None).sleep(60)", "holds": "ctypes.PyDLL(None).sleep(60)"}
PROGRAM = """
import ctypes
from services import watchdog
watchdog.OWN_SILENCE_SECONDS = 2
dog = watchdog.Watchdog(lease_seconds=0.5, silence_seconds=0.5)
dog.start()
with dog.watching(lambda: None, {{"answer_id": "a"}}):
    {sleep}
"""


@pytest.mark.parametrize(("lock", "code"), [("releases", EXIT_CODE), ("holds", 1)])
def test_a_call_that_never_returns_ends_the_process_and_the_log_says_where(lock, code):
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(sleep=SLEEPS[lock])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == code
    assert 'File "<string>", line 8' in ran.stderr
    assert lock == "holds" or "An attempt was not heard of any more; its process ends." in ran.stdout


def test_through_a_silence_the_lease_is_held_and_with_signs_of_life_it_is_the_workers_own(monkeypatch):
    watchdog = Watchdog(lease_seconds=60)
    held = []
    with watchdog.watching(lambda: held.append(1), FACTS) as watched:
        for _ in range(100):
            watchdog._look_at(watched)
            watched.sign()
        assert held == []
        for _ in range(12):
            watchdog._look_at(watched)
    # Every 18 s of a lease of 60.
    assert len(held) == 2


def test_a_lease_that_cannot_be_held_is_no_reason_to_stop_watching():
    errors: list[Exception] = [LeaseLost("Gone."), RuntimeError("a defect")]

    def hold() -> None:
        raise errors.pop()

    watchdog = Watchdog(lease_seconds=0.05)
    watchdog.start()
    with watchdog.watching(hold, FACTS):
        wait_until(lambda: not errors)
        threads = {thread.name for thread in threading.enumerate()}
    watchdog.stop()
    assert "watchdog" in threads
    assert "watchdog" not in {thread.name for thread in threading.enumerate()}


def test_a_process_that_was_stopped_and_goes_on_has_not_been_silent():
    # Whatever the clock says: only looks count.
    watchdog = Watchdog(lease_seconds=60, silence_seconds=600)
    watched = Watched(lambda: None, FACTS)
    for _ in range(200):
        watchdog._look_at(watched)
    assert watched.silent_ticks == 200
