"""Uploads that end in the middle, and uploads that meet."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from threading import Barrier

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from services.errors import Unavailable
from services.models import AnswerRef
from services.storage.acceptance import UploadLost
from services.storage.uploads import IN_FLIGHT_SECONDS
from tests.stores import Stores


def ref_of(session_id: str, question_id: str = "q1") -> AnswerRef:
    return AnswerRef(session_id, question_id, token_hex(12))


def age_markers(stores: Stores) -> None:
    """Let the time of every upload in flight be over."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    stores.database["uploads"].update_many({}, {"$set": {"expires_at": past}})


def left(stores: Stores) -> tuple[int, int, int]:
    """How many markers, chunks and files there are."""
    markers, chunks, files = (stores.database[name] for name in ("uploads", "fs.chunks", "fs.files"))
    return markers.count_documents({}), chunks.count_documents({}), files.count_documents({})


def test_an_upload_in_flight_has_a_marker_that_ends_by_the_servers_clock_and_goes_when_it_is_accepted(stores: Stores):
    ref = ref_of(stores.start("q1"))
    answer = stores.uploaded(ref)
    marker = stores.database["uploads"].find_one({"_id": ObjectId(answer["gridfs_file_id"])})
    assert marker is not None
    assert (marker["session_id"], marker["answer_id"]) == (ref.session_id, ref.answer_id)
    remaining = marker["expires_at"] - datetime.now(UTC)
    assert IN_FLIGHT_SECONDS - 10 < remaining.total_seconds() <= IN_FLIGHT_SECONDS
    stores.acceptance.accept(ref, answer)
    assert left(stores) == (0, 1, 1)
    stores.check(ref.session_id)


def test_the_sweep_leaves_uploads_in_flight_alone_and_collects_what_is_over(stores: Stores):
    session_id = stores.start("q1")
    stores.accept(session_id)
    stores.uploaded(ref_of(session_id))
    assert stores.uploads.collect_abandoned() == 0
    assert left(stores) == (1, 2, 1)
    age_markers(stores)
    assert stores.uploads.collect_abandoned() == 1
    assert left(stores) == (0, 1, 1)
    stores.check(session_id)


def test_an_upload_whose_chunks_went_with_a_primary_is_never_acknowledged(stores: Stores):
    ref = ref_of(stores.start("q1"))
    answer = stores.uploaded(ref, bytes(600_000))
    last = {"files_id": ObjectId(answer["gridfs_file_id"]), "n": 2}
    assert stores.database["fs.chunks"].delete_one(last).deleted_count == 1
    with pytest.raises(UploadLost):
        stores.acceptance.accept(ref, answer)
    assert stores.session(ref.session_id)["answers"] == {}
    age_markers(stores)
    stores.uploads.collect_abandoned()
    assert left(stores) == (0, 0, 0)


def test_an_upload_that_was_collected_is_never_acknowledged(stores: Stores):
    ref = ref_of(stores.start("q1"))
    answer = stores.uploaded(ref)
    age_markers(stores)
    stores.uploads.collect_abandoned()
    before = stores.session(ref.session_id)
    with pytest.raises(UploadLost):
        stores.acceptance.accept(ref, answer)
    assert (stores.session(ref.session_id), left(stores)) == (before, (0, 0, 0))


def test_an_upload_that_is_being_collected_is_never_acknowledged(stores: Stores):
    ref = ref_of(stores.start("q1"))
    answer = stores.uploaded(ref)
    stores.database["uploads"].update_many({}, {"$set": {"collecting": True}})
    with pytest.raises(UploadLost):
        stores.acceptance.accept(ref, answer)
    assert stores.session(ref.session_id)["answers"] == {}


@pytest.mark.parametrize("step", ["chunks", "file", "marker"])
def test_a_collection_that_was_cut_short_is_finished_by_the_next(stores: Stores, monkeypatch, step):
    stores.uploaded(ref_of(stores.start("q1")))
    age_markers(stores)

    def dies(*_args, **_options):
        raise AutoReconnect("the process ends here")

    with monkeypatch.context() as patched:
        target, method = {
            "chunks": (stores.audio._chunks, "delete_many"),
            "file": (stores.audio._files, "delete_one"),
            "marker": (stores.uploads._uploads, "delete_one"),
        }[step]
        patched.setattr(target, method, dies)
        with pytest.raises(Unavailable):
            stores.uploads.collect_abandoned()
    assert left(stores)[0] == 1
    assert stores.uploads.collect_abandoned() == 1
    assert left(stores) == (0, 0, 0)


def test_giving_up_an_upload_that_was_accepted_after_all_removes_nothing(stores: Stores):
    """As after a commit whose reply was lost."""
    ref = stores.accept(stores.start("q1"))
    stores.uploads.abandon(stores.answer(ref)["gridfs_file_id"])
    assert left(stores) == (0, 1, 1)
    stores.check(ref.session_id)


def test_chunks_that_cannot_be_stored_leave_nothing_behind(stores: Stores, monkeypatch):
    def stores_one_and_dies(documents):
        stores.database["fs.chunks"].insert_one(documents[0])
        raise AutoReconnect("the connection is gone")

    monkeypatch.setattr(stores.audio._unawaited_chunks, "insert_many", stores_one_and_dies)
    with pytest.raises(Unavailable):
        stores.uploads.store(ref_of(stores.start("q1")), b"RIFF")
    assert left(stores) == (0, 0, 0)


@pytest.mark.parametrize("others", ["takes of one question", "questions of one session"])
def test_uploads_to_one_session_at_once_are_all_accepted(stores: Stores, others):
    count = 8
    ids = ["q1"] * count if others == "takes of one question" else [f"q{number}" for number in range(count)]
    session_id = stores.start(*dict.fromkeys(ids))
    refs = [ref_of(session_id, question_id) for question_id in ids]
    barrier = Barrier(count)

    def accept(ref: AnswerRef) -> str | None:
        answer = stores.uploaded(ref)
        barrier.wait()
        return stores.acceptance.accept(ref, answer).replaced_file_id

    with ThreadPoolExecutor(count) as workers:
        replaced = [each for each in workers.map(accept, refs) if each is not None]
    for file_id in replaced:
        stores.audio.delete(file_id)
    stores.check(session_id)
    expected = len(set(ids))
    assert len(stores.session(session_id)["answers"]) == expected
    assert len(set(replaced)) == count - expected
    assert left(stores) == (0, expected, expected)


def test_a_collection_and_an_acceptance_that_meet_end_with_one_of_them(stores: Stores):
    session_id = stores.start("q1")
    outcomes = set()
    with ThreadPoolExecutor(2) as workers:
        for _ in range(15):
            ref, barrier = ref_of(session_id), Barrier(2)
            answer = stores.uploaded(ref)
            age_markers(stores)

            def accept(ref=ref, answer=answer, barrier=barrier) -> bool:
                barrier.wait()
                try:
                    stores.acceptance.accept(ref, answer)
                except UploadLost:
                    return False
                return True

            def collect(barrier=barrier) -> int:
                barrier.wait()
                return stores.uploads.collect_abandoned()

            accepting, collecting = workers.submit(accept), workers.submit(collect)
            outcomes.add((accepting.result(), collecting.result()))
            has_chunks = stores.database["fs.chunks"].count_documents({"files_id": ObjectId(answer["gridfs_file_id"])})
            assert bool(has_chunks) is accepting.result()
    assert outcomes <= {(True, 0), (False, 1)}


def test_an_answer_is_accepted_once_even_when_another_take_has_its_place(stores: Stores):
    session_id = stores.start("q1")
    once = AnswerRef(session_id, "q1", "the-same")
    first = stores.acceptance.accept(once, stores.uploaded(once), once=True)
    newer = stores.accept(session_id)
    repeat = stores.acceptance.accept(once, stores.uploaded(once, b"RIFF other"), once=True)
    assert (repeat.is_repeat, repeat.file_id, repeat.sha256) == (True, first.file_id, first.sha256)
    assert stores.session(session_id)["answer_ids"] == [newer.answer_id]
