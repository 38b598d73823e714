from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from pymongo.errors import DuplicateKeyError

from services.errors import LeaseLost, NotFound, RecordingRejected
from services.models import AnswerRef, Transcript
from services.storage.answers import RESEND_SECONDS
from tests.stores import HOLDER, MODEL, Stores, transcript_of


def test_an_accepted_answer_is_queued_and_due_when_its_message_should_have_been_taken(stores: Stores):
    ref = stores.accept(stores.start("q1"), bytes=4)
    answer, session = stores.answer(ref), stores.session(ref.session_id)
    assert answer["transcription_status"] == "queued"
    assert (answer["bytes"], answer["attempts"], answer["crashes"]) == (4, 0, 0)
    wait = session["open"][0]["due"] - answer["created_at"]
    assert wait.total_seconds() == RESEND_SECONDS
    stores.check(ref.session_id)


def test_nothing_is_accepted_for_a_question_that_is_not_asked(stores: Stores):
    session_id = stores.start("q1")
    before = stores.session(session_id)
    for ref in (AnswerRef(session_id, "q2", "a"), AnswerRef("missing", "q1", "a")):
        answer = stores.uploaded(ref)
        with pytest.raises(NotFound):
            stores.acceptance.accept(ref, answer)
    assert (stores.session(session_id), stores.files()) == (before, 0)


def test_accepting_again_returns_the_recording_that_it_replaces_and_leaves_it_to_be_deleted(stores: Stores):
    first = stores.accept(stores.start("q1"))
    replaced = stores.answer(first)["gridfs_file_id"]
    second = AnswerRef(first.session_id, "q1", "second")
    assert stores.acceptance.accept(second, stores.uploaded(second)).replaced_file_id == replaced
    assert [each.file_id for each in stores.audio.with_status("deleting", before=datetime.now(UTC))] == [replaced]


def test_a_new_recording_leaves_nothing_of_the_old_answer(stores: Stores):
    claim = stores.claimed()
    stores.answers.complete(claim, transcript_of(), MODEL)
    again = stores.accept(claim.ref.session_id)
    assert set(stores.answer(again)) == {
        *("id", "question_id", "transcription_status", "created_at", "attempts", "crashes", "gridfs_file_id"),
        *("user_id", "bytes", "sha256", "content_type"),
    }
    assert stores.session(claim.ref.session_id)["answer_ids"] == [again.answer_id]


def test_a_claim_carries_what_the_worker_needs(stores: Stores):
    ref = stores.accept(stores.start("q1"), language_hint="de")
    claim = stores.claim(ref)
    assert (claim.ref, claim.holder, claim.hints.language, claim.attempts, claim.crashes) == (ref, HOLDER, "de", 1, 0)
    assert claim.file_id == stores.answer(ref)["gridfs_file_id"]
    stores.check(ref.session_id)


def test_of_two_workers_that_claim_at_once_one_gets_the_answer(stores: Stores):
    session_id = stores.start("q1")
    barrier = Barrier(2)

    def claim_together(ref: AnswerRef) -> bool:
        barrier.wait()
        return stores.answers.claim(ref, HOLDER) is not None

    with ThreadPoolExecutor(2) as workers:
        for _ in range(20):
            ref = stores.accept(session_id)
            assert sorted(workers.map(claim_together, [ref, ref])) == [False, True]


def test_of_two_workers_that_find_an_expired_lease_one_gets_the_answer(stores: Stores):
    ref = stores.claimed().ref
    stores.age_lease(ref)
    with ThreadPoolExecutor(4) as workers:
        claims = list(workers.map(lambda holder: stores.answers.claim(ref, holder), "abcd"))
    assert sum(claim is not None for claim in claims) == 1
    assert stores.answer(ref)["crashes"] == 1


def test_an_answer_with_a_lease_that_runs_is_not_claimed(stores: Stores):
    claim = stores.claimed()
    assert stores.answers.claim(claim.ref, "other") is None
    stores.begin(claim, windows=3)
    stores.hear(claim, 0, windows=3)
    assert stores.answer(claim.ref)["progress"] == {"stage": "transcribing", "windows_done": 1, "windows_total": 3}


def test_renewing_moves_the_end_of_the_lease_and_the_time_the_sweep_looks(stores: Stores):
    claim = stores.claimed()
    stores.age_lease(claim.ref)
    stores.answers.hold(claim)
    session = stores.session(claim.ref.session_id)
    assert session["answers"]["q1"]["lease"]["expires_at"] > datetime.now(UTC)
    assert session["open"][0]["due"] == session["answers"]["q1"]["lease"]["expires_at"]
    stores.check(claim.ref.session_id)


LATE_WRITES = {
    "hold": lambda stores, claim: stores.answers.hold(claim),
    "begin": lambda stores, claim: stores.begin(claim),
    "hear": lambda stores, claim: stores.hear(claim, 0),
    "release": lambda stores, claim: stores.answers.release(claim),
    "fail": lambda stores, claim: stores.answers.fail(claim, code="late", message="late", keeps_audio=False),
    "complete": lambda stores, claim: stores.answers.complete(claim, transcript_of("late"), MODEL),
}


@pytest.mark.parametrize("write", LATE_WRITES.values(), ids=LATE_WRITES.keys())
def test_a_late_worker_cannot_overwrite_the_one_that_took_over(stores: Stores, write):
    late = stores.claimed()
    stores.age_lease(late.ref)
    stores.claim(late.ref, "other")
    before = stores.session(late.ref.session_id)
    with pytest.raises(LeaseLost):
        write(stores, late)
    assert stores.session(late.ref.session_id) == before
    stores.check(late.ref.session_id)


@pytest.mark.parametrize("write", LATE_WRITES.values(), ids=LATE_WRITES.keys())
def test_a_late_worker_cannot_overwrite_a_new_recording(stores: Stores, write):
    late = stores.claimed()
    again = stores.accept(late.ref.session_id)
    stores.claim(again)
    before = stores.session(late.ref.session_id)
    with pytest.raises(LeaseLost):
        write(stores, late)
    assert stores.session(late.ref.session_id) == before
    stores.check(late.ref.session_id)


@pytest.mark.parametrize("write", LATE_WRITES.values(), ids=LATE_WRITES.keys())
def test_nothing_is_written_to_a_session_that_is_gone(stores: Stores, write):
    claim = stores.claimed()
    stores.database["interview_sessions"].delete_one({"_id": claim.ref.session_id})
    with pytest.raises(LeaseLost):
        write(stores, claim)
    assert stores.database["interview_sessions"].count_documents({}) == 0
    assert stores.database["transcripts"].count_documents({}) == 0


def test_a_clean_release_gives_the_attempt_back_and_a_failed_try_does_not(stores: Stores):
    claim = stores.claimed()
    stores.answers.release(claim, gives_attempt_back=True)
    assert stores.answer(claim.ref)["attempts"] == 0
    stores.answers.release(stores.claim(claim.ref))
    assert stores.answer(claim.ref)["attempts"] == 1
    assert stores.answer(claim.ref)["crashes"] == 0
    stores.check(claim.ref.session_id)


def test_an_answer_that_waits_for_its_next_attempt_is_not_claimed_before_its_time(stores: Stores):
    claim = stores.claimed()
    stores.answers.release(claim, due_in_seconds=600)
    assert stores.answers.claim(claim.ref, HOLDER) is None
    assert stores.session(claim.ref.session_id)["open"][0]["due"] == stores.answer(claim.ref)["not_before"]
    stores.make_due(claim.ref)
    assert stores.claim(claim.ref).attempts == 2
    assert "not_before" not in stores.answer(claim.ref)


def test_each_claim_of_an_expired_lease_counts_a_crash(stores: Stores):
    claim = stores.claimed()
    for crashes in (1, 2, 3):
        stores.age_lease(claim.ref)
        assert stores.claim(claim.ref).crashes == crashes


def test_completing_stores_the_transcript_and_marks_the_audio(stores: Stores):
    claim = stores.claimed()
    stores.answers.complete(claim, transcript_of("i led a team"), MODEL)
    answer = stores.answer(claim.ref)
    assert (answer["transcription_status"], answer["transcript"], answer["no_speech"]) == (
        *("completed", "i led a team"),
        False,
    )
    assert (answer["whisper_model"], answer["demo_model"], answer["revision"]) == ("tiny", True, 1)
    assert answer["gridfs_file_id"] is None
    revision = stores.database["transcripts"].find_one({"answer_id": claim.ref.answer_id})
    assert revision is not None
    assert [(each["start"], each["end"], each["text"]) for each in revision["segments"]] == [(0.0, 1.0, "i led a team")]
    file = stores.database["fs.files"].find_one({})
    assert file is not None
    assert file["metadata"]["status"] == "deleting"
    stores.check(claim.ref.session_id)


def test_a_transcript_that_cannot_be_stored_leaves_the_answer_in_work(stores: Stores):
    claim = stores.claimed()
    # What makes the insert fail: the same revision is there already.
    stores.database["transcripts"].insert_one({"_id": f"{claim.ref.answer_id}:1"})
    before = stores.session(claim.ref.session_id)
    with pytest.raises(DuplicateKeyError):
        stores.answers.complete(claim, transcript_of(), MODEL)
    assert stores.session(claim.ref.session_id) == before
    file = stores.database["fs.files"].find_one({})
    assert file is not None
    assert file["metadata"]["status"] == "stored"


def test_an_empty_transcript_completes_as_no_speech(stores: Stores):
    claim = stores.claimed()
    stores.answers.complete(claim, Transcript("", (), None, 2.0004, no_speech=True), MODEL)
    answer = stores.answer(claim.ref)
    assert (answer["transcript"], answer["no_speech"], answer["duration_seconds"]) == ("", True, 2.0)


@pytest.mark.parametrize(("keeps_audio", "audio_status"), [(True, "failed"), (False, "deleting")])
def test_a_failed_answer_keeps_its_audio_only_where_a_retry_could_help(stores: Stores, keeps_audio, audio_status):
    claim = stores.claimed()
    stores.answers.fail(claim, code="broken", message="It broke.", keeps_audio=keeps_audio)
    answer = stores.answer(claim.ref)
    assert answer["transcription_status"] == "failed"
    assert answer["transcription_error"] == {"code": "broken", "message": "It broke."}
    assert (answer["gridfs_file_id"] is not None) is keeps_audio
    file = stores.database["fs.files"].find_one({})
    assert file is not None
    assert file["metadata"]["status"] == audio_status
    stores.check(claim.ref.session_id)


def test_seq_rises_by_one_with_every_change(stores: Stores):
    ref = stores.accept(stores.start("q1", "q2"))
    seen = [stores.session(ref.session_id)["seq"]]

    def note() -> None:
        seen.append(stores.session(ref.session_id)["seq"])

    claim = stores.claim(ref)
    note()
    stores.begin(claim)
    note()
    stores.answers.release(claim)
    note()
    claim = stores.claim(ref)
    note()
    stores.answers.complete(claim, transcript_of(), MODEL)
    note()
    other = stores.claim(stores.accept(ref.session_id, "q2"))
    stores.answers.fail(other, code="c", message="m", keeps_audio=True)
    note()
    assert seen == [1, 2, 3, 4, 5, 6, 9]


def test_audio_that_is_gone_is_rejected_and_deleting_it_again_is_fine(stores: Stores):
    claim = stores.claimed()
    assert stores.audio.read(claim.file_id) == b"RIFF"
    stores.audio.delete(claim.file_id)
    stores.audio.delete(claim.file_id)
    with pytest.raises(RecordingRejected) as rejected:
        stores.audio.read(claim.file_id)
    assert rejected.value.code == "audio_missing"
