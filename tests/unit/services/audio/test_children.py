"""The server that forks a child for each recording."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from config import ROOT
from scripts.decoding import Decoding, decode_in, heard
from scripts.encoding import WAV, WEBM, encode
from services.audio import children as children_module
from services.audio.children import Children
from services.audio.server_process import PYTHON
from services.errors import LeaseLost, TranscriptionFailed
from tests.recordings import tone

# A child that shows what it can do with what it has been left.
WITNESS = """
import json, os, socket, sys, time
from services.audio import child, fork_server
def witness(recording, outcome, samples, *, max_seconds, server_pid):
    child._keep_only(recording, outcome, samples)
    child._limit_itself(max_seconds)
    child._end_with(server_pid)
    said = {"bad_packets": 0, "broke_off": False, "parent": server_pid, "pid": os.getpid()}
    for name, attempt in {
        "file": lambda: open("/etc/hostname"), "directory": lambda: os.listdir("."), "socket": socket.socket,
        "pipe": os.pipe, "new file": lambda: open("/dev/shm/new", "w"),
    }.items():
        try:
            attempt()
        except OSError as error:
            said[name] = error.errno
    os.write(3, json.dumps(said).encode() + b"\\n")
    while WAITS: time.sleep(1)
    os._exit(0)
child.run = witness
fork_server.main()
"""
SECOND = encode(tone(1), WAV)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture
def witness(monkeypatch) -> Iterator[Callable[[bool], Children]]:
    made: list[Children] = []

    def build(waits: bool) -> Children:
        made.append(Children([*PYTHON, "-c", WITNESS.replace("WAITS", str(waits))]))
        return made[-1]

    monkeypatch.setattr(children_module, "PULSE_SECONDS", 0.05)
    yield build
    for each in made:
        each.close()


def decode(children: Children, content: bytes = SECOND, on_wait: Callable[[], None] = lambda: None) -> Decoding:
    return decode_in(children, content, max_seconds=60, on_wait=on_wait)


def test_a_child_can_open_no_file_and_no_socket(witness):
    said = decode(witness(False)).ended.said
    for what in (b"file", b"directory", b"socket", b"pipe", b"new file"):
        assert b'"%s": 24' % what in said  # EMFILE


def test_a_child_has_its_recording_its_outcome_and_its_samples_and_nothing_else_of_ours(witness):
    children = witness(True)
    seen: list[object] = []

    def look() -> None:
        server = children.server().pid
        forked = children_of(server)
        if not forked or "Max open files            0 " not in Path(f"/proc/{forked[0]}/limits").read_text():
            return  # not yet
        child = forked[0]
        seen.extend(sorted(os.readlink(each).partition("[")[0] for each in Path(f"/proc/{child}/fd").iterdir()))
        seen.append("NoNewPrivs:\t1" in Path(f"/proc/{child}/status").read_text())
        seen.append(os.getsid(child) != os.getsid(0))
        raise LeaseLost("Enough was seen.")

    with pytest.raises(LeaseLost):
        decode(children, on_wait=look)
    memory = "/memfd:recording (deleted)"
    assert seen == ["/dev/null", memory, memory, "socket:", True, True]


def test_whoever_gives_up_ends_the_child_and_not_the_server(witness):
    children, pids = witness(True), []

    def give_up() -> None:
        pids.extend(children_of(children.server().pid))
        if pids:
            raise LeaseLost("The answer was taken over.")

    with pytest.raises(LeaseLost):
        decode(children, on_wait=give_up)
    wait_until(lambda: not is_running(pids[0]))
    assert is_running(children.server().pid)


def test_a_server_that_is_killed_is_replaced_and_the_recording_tried_again(children):
    before = children.server().pid
    decode(children)
    os.kill(before, signal.SIGKILL)
    with capture_logs() as logs:
        assert len(heard(decode(children))) == 16_000
    assert children.server().pid != before
    assert [entry["exit_status"] for entry in logs] == [-signal.SIGKILL]


def test_a_server_that_is_killed_takes_its_children_along_and_they_are_tried_again(witness):
    children = witness(True)
    killed: list[tuple[int, int]] = []

    def kill_the_server_twice() -> None:
        server = children.server().pid
        if server not in dict(killed) and (forked := children_of(server)):
            killed.append((server, forked[0]))
            os.kill(server, signal.SIGKILL)

    with pytest.raises(TranscriptionFailed):
        decode(children, on_wait=kill_the_server_twice)
    assert len(killed) == 2
    wait_until(lambda: not any(is_running(child) for _, child in killed))


def test_a_server_that_hangs_is_replaced(children, monkeypatch):
    decode(children)
    hanging = children.server().pid
    monkeypatch.setattr(children_module, "START_SECONDS", 0.2)
    os.kill(hanging, signal.SIGSTOP)
    monkeypatch.setattr(Children, "server", _patient(Children.server, monkeypatch))
    assert len(heard(decode(children))) == 16_000
    assert not is_running(hanging)


def _patient(server: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The second one may take its time to start."""
    asked: list[int] = []

    def ask(children: Children) -> Any:
        asked.append(1)
        if len(asked) == 2:
            monkeypatch.setattr(children_module, "START_SECONDS", 60)
        return server(children)

    return ask


def test_a_server_that_cannot_start_is_not_tried_for_ever():
    children = Children([sys.executable, "-c", "raise SystemExit(3)"])
    with capture_logs() as logs, pytest.raises(TranscriptionFailed):
        decode(children)
    assert len(logs) == children_module.TRIES
    children.close()


def test_many_threads_decode_at_once_and_each_hears_its_own(children):
    lengths = [1 + number % 5 for number in range(40)]
    recordings = {seconds: encode(tone(seconds), WEBM) for seconds in set(lengths)}
    with ThreadPoolExecutor(8) as threads:
        heard_samples = list(threads.map(lambda seconds: heard(decode(children, recordings[seconds])), lengths))
    assert [round(len(samples) / 16_000) for samples in heard_samples] == lengths
    wait_until(lambda: children_of(children.server().pid) == [])


def test_nothing_is_left_open_after_many_recordings(children):
    def open_files(pid: int) -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def count() -> tuple[int, int]:
        return open_files(os.getpid()), open_files(children.server().pid)

    decode(children)
    before = count()
    for _ in range(30):
        decode(children)
    # Fewer is fine: what the first one had open may have been on its way out.
    wait_until(lambda: all(now <= then for now, then in zip(count(), before, strict=True)))


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), 9)", "sys.exit()"])
def test_the_server_ends_with_whoever_started_it(end):
    program = f"""
import os, sys
from scripts.decoding import decode
from services.audio.decode import children
from tests.unit.services.audio.test_children import SECOND
decode(SECOND, max_seconds=5)
print(children.server().pid, flush=True)
{end}
"""
    ran = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    wait_until(lambda: not is_running(int(ran.stdout)))


def test_ctrl_c_in_the_terminal_does_not_reach_the_server(children):
    decode(children)
    assert os.getsid(children.server().pid) == children.server().pid != os.getsid(0)


def test_the_server_has_one_thread_whatever_the_processors(children):
    decode(children)
    assert len(list(Path(f"/proc/{children.server().pid}/task").iterdir())) == 1


def test_the_samples_are_ours_to_write_to(children):
    samples = heard(decode(children))
    samples *= np.float32(0.5)
    assert samples.flags.owndata
