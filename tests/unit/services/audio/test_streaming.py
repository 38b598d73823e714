"""Samples as a stream: a child that waits for whoever reads, and reads that go on after a server was lost."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from scripts.encoding import AAC, WAV, encode
from services.audio import children as children_module
from services.audio.children import BLOCK_BYTES, Blocks, Children
from services.audio.decoder import decoded
from services.audio.samples import Samples
from services.audio.server_process import PYTHON
from services.errors import LeaseLost, TranscriptionFailed
from tests.processes import wait_until
from tests.recordings import speech, tone
from tests.unit.services.audio.test_children import children_of, is_running

MINUTE = encode(tone(60), WAV)


@pytest.fixture
def child_that() -> Iterator[Callable[[str], Children]]:
    """Children that do something else with what they are given, in Python."""
    made: list[Children] = []

    def does(statement: str) -> Children:
        program = f"""
import os, time
from services.audio import child, fork_server
def run(recording, outcome, samples, **limits):
    {statement}
    os._exit(0)
child.run = run
fork_server.main()
"""
        made.append(Children([*PYTHON, "-c", program]))
        return made[-1]

    yield does
    for each in made:
        each.close()


def stream(children: Children, content: bytes = MINUTE, on_wait: Callable[[], None] = lambda: None) -> Blocks:
    return children.blocks(content, max_seconds=100, on_wait=on_wait)


def all_of(blocks: Blocks) -> Samples:
    return np.concatenate(list(blocks))


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "S"


def test_the_blocks_are_the_recording_and_none_is_long(children):
    content = encode(speech(), AAC) * 5
    blocks = list(stream(children, content))
    assert np.array_equal(np.concatenate(blocks), decoded(content, max_seconds=100)[0])
    assert len(blocks) > 3
    assert max(block.nbytes for block in blocks) <= BLOCK_BYTES


def test_a_child_waits_for_whoever_reads_slowly_and_uses_no_time(children, monkeypatch):
    monkeypatch.setattr(children_module, "PATIENCE_SECONDS", 0.3)
    blocks = stream(children)
    first = next(blocks)
    (child,) = children_of(children.server().pid)
    wait_until(lambda: sleeps(child))
    used, patience_ends = cpu_ticks(child), time.monotonic() + 1.0
    wait_until(lambda: time.monotonic() > patience_ends)
    assert sleeps(child)
    assert cpu_ticks(child) == used
    assert len(first) + len(all_of(blocks)) == 60 * 16_000


def test_a_child_that_does_not_go_on_is_ended_and_what_came_before_is_not_a_recording(child_that, monkeypatch):
    monkeypatch.setattr(children_module, "PATIENCE_SECONDS", 0.3)
    children = child_that("os.write(samples, bytes(1000)); time.sleep(60)")
    with pytest.raises(TranscriptionFailed):
        all_of(stream(children))
    wait_until(lambda: children_of(children.server().pid) == [])


def test_a_child_that_sends_more_than_a_recording_may_have_is_ended(child_that):
    children = child_that("\n    while True: os.write(samples, bytes(65536))")
    with pytest.raises(TranscriptionFailed):
        all_of(stream(children))
    wait_until(lambda: children_of(children.server().pid) == [])


def test_whoever_stops_reading_ends_the_child(children):
    blocks = stream(children)
    next(blocks)
    (child,) = children_of(children.server().pid)
    blocks.close()
    wait_until(lambda: not is_running(child))


def test_who_reads_for_long_is_heard_of(children, monkeypatch):
    monkeypatch.setattr(children_module, "PULSE_SECONDS", 0.0005)
    told: list[int] = []

    def lose_the_lease_at_the_third() -> None:
        told.append(1)
        if len(told) == 3:
            raise LeaseLost("The answer was taken over.")

    with pytest.raises(LeaseLost):
        all_of(stream(children, on_wait=lose_the_lease_at_the_third))
    wait_until(lambda: children_of(children.server().pid) == [])


def test_a_server_that_is_lost_in_the_middle_leaves_no_seam(children):
    content = encode(speech(), AAC) * 20
    expected = decoded(content, max_seconds=200)[0]
    blocks = children.blocks(content, max_seconds=200, on_wait=lambda: None)
    before = [next(blocks), next(blocks)]
    with capture_logs() as logs:
        os.kill(children.server().pid, signal.SIGKILL)
        after = list(blocks)
    assert np.array_equal(np.concatenate([*before, *after]), expected)
    assert [entry["exit_status"] for entry in logs] == [-signal.SIGKILL]
