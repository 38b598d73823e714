"""A real mongod that hangs, goes away and comes back under a worker: neither the compute nor the answer suffers."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.embedded_mongod import EmbeddedMongod
from services.models import AnswerRef
from services.storage.client import connect
from services.storage.indexes import ensure_indexes
from tests.factories import wav_of
from tests.fakes import ScriptedTranscriber
from tests.stores import Stores, build_stores, transcription_over

pytestmark = pytest.mark.timeout(90)


@pytest.fixture
def mongod(tmp_path: Path) -> Iterator[EmbeddedMongod]:
    """One of the test's own."""
    with EmbeddedMongod(tmp_path, 0) as mongod:
        yield mongod


@pytest.fixture
def own_stores(mongod: EmbeddedMongod, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    prepared = connect(mongod.uri, "test")
    with prepared.client:
        ensure_indexes(prepared)
    # An outage is noticed sooner, and so everything about it is over sooner.
    monkeypatch.setattr("services.storage.client.SERVER_SELECTION_TIMEOUT_MS", 200)
    monkeypatch.setattr("services.storage.client.OPERATION_TIMEOUT_MS", 500)
    database = connect(mongod.uri, "test")
    with database.client:
        yield build_stores(database, lease_seconds=60)


def hangs(mongod: EmbeddedMongod) -> Callable[[], None]:
    pid = mongod.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    return lambda: os.kill(pid, signal.SIGCONT)


def goes_away(mongod: EmbeddedMongod) -> Callable[[], None]:
    mongod.stop()
    return mongod.start


@pytest.mark.parametrize("outage", [hangs, goes_away])
@pytest.mark.parametrize("is_over_at", ["a window", "the end"])
def test_an_outage_costs_neither_the_compute_nor_a_crash(mongod, own_stores: Stores, outage, is_over_at):
    transcriber = ScriptedTranscriber(windows=4)
    transcription = transcription_over(own_stores, lambda: transcriber)
    session_id = own_stores.start("q1")
    ref = AnswerRef(session_id, "q1", "a" * 24)
    own_stores.acceptance.accept(ref, own_stores.uploaded(ref, wav_of()))
    windows: list[int] = []
    recover: list[Callable[[], None]] = []

    def before_window(done: int) -> None:
        windows.append(done)
        if done == 1:
            recover.append(outage(mongod))
        if done == 3 and is_over_at == "a window":
            recover.pop()()
        if done == 3 and is_over_at == "the end":
            later.start()

    def recover_and_stay() -> None:
        # A mongod that is started here is the child of this thread, and ends with it.
        recover.pop()()
        is_over.wait()

    is_over, later = threading.Event(), threading.Timer(1, recover_and_stay)
    transcriber.before_window = before_window
    transcription.transcribe(ref)
    answer = own_stores.answer(ref)
    assert windows == [0, 1, 2, 3]
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("completed", 1, 0)
    own_stores.check(session_id)
    is_over.set()
