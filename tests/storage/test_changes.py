import threading
from collections.abc import Iterator
from queue import Queue
from typing import Any

import pytest

from services.storage.changes import Change, ChangeStream
from services.storage.client import MongoDatabase
from services.storage.indexes import ensure_indexes
from tests.processes import wait_until
from tests.stores import MODEL, Stores, transcript_of


class Watch:
    """A change stream that is followed in a thread."""

    def __init__(self, stores: Stores) -> None:
        self._stream = ChangeStream(stores.database)
        self._thread = threading.Thread(target=self._follow)
        self.changes: Queue[Change] = Queue()
        self.gaps = 0

    def __enter__(self) -> "Watch":
        self._thread.start()
        wait_until(lambda: self.gaps)
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._thread.join(timeout=10)
        assert not self._thread.is_alive()

    def next(self) -> Change:
        return self.changes.get(timeout=10)

    def _follow(self) -> None:
        for change in self._stream.follow(on_gap=self._count):
            self.changes.put(change)

    def _count(self) -> None:
        self.gaps += 1


@pytest.fixture
def watch(stores: Stores) -> Iterator[Watch]:
    with Watch(stores) as watch:
        yield watch


def cursors_of_streams(stores: Stores) -> list[int]:
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"idleCursors": True}},
        {"$match": {"ns": f"{stores.database.name}.interview_sessions", "cursor.cursorId": {"$exists": True}}},
    ]
    return [each["cursor"]["cursorId"] for each in stores.database.client.admin.aggregate(pipeline)]


def test_every_change_is_told_in_order(stores: Stores, watch: Watch):
    claim = stores.claimed()
    stores.answers.complete(claim, transcript_of(), MODEL)
    changes = [watch.next() for _ in range(3)]
    assert [change.seq for change in changes] == [1, 2, 3]
    assert {change.session_id for change in changes} == {claim.ref.session_id}
    assert [change.touched_questions() for change in changes] == [["q1"]] * 3


@pytest.mark.parametrize("question_id", ["q1", "0", "_id", "-"])
def test_the_changes_add_up_to_what_is_stored(stores: Stores, watch: Watch, question_id):
    ref = stores.accept(stores.start(question_id, "other"), question_id)
    claim = stores.claim(ref)
    stores.begin(claim, windows=3)
    for index in (1, 0, 2):
        stores.hear(claim, index, windows=3)
    stores.answers.release(claim)
    stores.answers.complete(stores.claim(ref), transcript_of("$50"), MODEL)
    again = stores.accept(ref.session_id, question_id)
    answer: dict[str, Any] = {}
    while answer.get("id") != again.answer_id:
        answer = watch.next().applied_to(question_id, answer)
    assert answer == stores.answer(again)


def test_the_bookkeeping_of_a_sweep_is_not_told(stores: Stores, watch: Watch):
    ref = stores.accept(stores.start("q1"))
    (waiting,) = stores.open.all()
    assert stores.open.postpone(waiting, 30)
    stores.claim(ref)
    assert [watch.next().seq, watch.next().seq] == [1, 2]


@pytest.mark.parametrize("write", ["delete", "replace"])
def test_what_only_a_snapshot_can_tell_has_no_seq(stores: Stores, watch: Watch, write):
    session_id = stores.start("q1")
    sessions = stores.database["interview_sessions"]
    if write == "delete":
        sessions.delete_one({"_id": session_id})
    else:
        sessions.replace_one({"_id": session_id}, stores.session(session_id) | {"seq": 7})
    change = watch.next()
    assert (change.session_id, change.seq) == (session_id, None)


def test_a_stream_whose_cursor_is_killed_goes_on_and_misses_nothing(stores: Stores, watch: Watch):
    session_id = stores.start("q1")
    seen = []
    for _ in range(3):
        stores.accept(session_id)
        cursors = cursors_of_streams(stores)
        assert cursors
        stores.database.command("killCursors", "interview_sessions", cursors=cursors)
        stores.accept(session_id)
        seen += [watch.next().seq, watch.next().seq]
    assert seen == [1, 2, 3, 4, 5, 6]


@pytest.fixture
def indexes(database: MongoDatabase) -> Iterator[None]:
    """As they were, for the tests that follow."""
    yield
    ensure_indexes(database)


@pytest.mark.usefixtures("indexes")
def test_after_what_the_server_cannot_resume_everybody_reads_a_snapshot(stores: Stores, watch: Watch):
    # Dropping the collection invalidates the stream: its place in the log cannot be taken up again.
    assert watch.gaps == 1
    stores.database["interview_sessions"].drop()
    wait_until(lambda: watch.gaps == 2, seconds=10)
    ref = stores.accept(stores.start("q1"))
    wait_until(lambda: not watch.changes.empty())
    assert watch.next().session_id == ref.session_id
