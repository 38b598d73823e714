from datetime import UTC, datetime

import pytest

from services.answer_status import status_of
from services.decisions import Decisions
from services.errors import Conflict, LeaseLost, NotFound
from services.models import AnswerRef, Status
from services.storage.decisions import DecisionStore
from tests.fakes import RememberingQueue
from tests.stores import MODEL, Stores, transcript_of


@pytest.fixture
def decisions(stores: Stores, queue: RememberingQueue) -> Decisions:
    return Decisions(DecisionStore(stores.database), queue)


def queued(stores: Stores) -> AnswerRef:
    return stores.accept(stores.start("q1", "q2"))


def processing(stores: Stores) -> AnswerRef:
    return stores.claim(queued(stores)).ref


def completed(stores: Stores) -> AnswerRef:
    claim = stores.claim(queued(stores))
    stores.answers.complete(claim, transcript_of(), MODEL)
    return claim.ref


def failed(stores: Stores, *, keeps_audio: bool = True) -> AnswerRef:
    claim = stores.claim(queued(stores))
    stores.answers.fail(claim, code="broken", message="It broke.", keeps_audio=keeps_audio)
    return claim.ref


def audio_status(stores: Stores, ref: AnswerRef) -> str | None:
    file = stores.database["fs.files"].find_one({"metadata.answer_id": ref.answer_id})
    return file["metadata"]["status"] if file else None


def can_retry(stores: Stores, ref: AnswerRef) -> bool:
    return status_of(ref.question_id, stores.answer(ref)).can_retry


unfinished = pytest.mark.parametrize("begin", [queued, processing])


@unfinished
def test_a_cancelled_answer_is_so_at_once_and_keeps_its_recording(decisions, stores: Stores, begin):
    ref = begin(stores)
    decisions.cancel(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], "ended_at" in answer) == ("cancelled", True)
    assert audio_status(stores, ref) == "failed"
    assert can_retry(stores, ref)
    assert stores.answers.claim(ref, "holder") is None
    stores.check(ref.session_id)


@unfinished
def test_an_answer_is_marked_failed_with_the_reason_given(decisions, stores: Stores, begin):
    ref = begin(stores)
    decisions.mark_failed(ref, "$50 were not paid.")
    answer = stores.answer(ref)
    assert answer["transcription_error"] == {"code": "marked_failed", "message": "$50 were not paid."}
    assert (answer["transcription_status"], can_retry(stores, ref)) == ("failed", True)
    stores.check(ref.session_id)


@pytest.mark.parametrize("decide", ["cancel", "mark_failed"])
def test_a_worker_has_lost_what_was_ended_under_its_hands(decisions, stores: Stores, decide):
    claim = stores.claimed()
    decisions.cancel(claim.ref) if decide == "cancel" else decisions.mark_failed(claim.ref, "No.")
    before = stores.session(claim.ref.session_id)
    with pytest.raises(LeaseLost):
        stores.begin(claim)
    with pytest.raises(LeaseLost):
        stores.answers.complete(claim, transcript_of(), MODEL)
    assert stores.session(claim.ref.session_id) == before


@pytest.mark.parametrize("begin", [completed, failed])
def test_what_has_ended_is_neither_cancelled_nor_marked(decisions, stores: Stores, begin):
    ref = begin(stores)
    before = stores.session(ref.session_id)
    with pytest.raises(Conflict, match="already") as cancelled:
        decisions.cancel(ref)
    with pytest.raises(Conflict, match="already") as marked:
        decisions.mark_failed(ref, "No.")
    assert (cancelled.value.code, marked.value.code) == ("already_ended", "already_ended")
    assert stores.session(ref.session_id) == before


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_a_retry_begins_anew_with_the_same_recording(decisions, stores: Stores, queue: RememberingQueue, end):
    ref = failed(stores) if end == "failed" else processing(stores)
    if end == "cancelled":
        decisions.cancel(ref)
    decisions.retry(ref)
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["attempts"], answer["crashes"]) == ("queued", 0, 0)
    assert not {"transcription_error", "ended_at", "lease", "progress", "partial_texts"} & set(answer)
    assert audio_status(stores, ref) == "stored"
    assert queue.sent == [ref]
    stores.check(ref.session_id)
    claim = stores.claim(ref)
    assert stores.audio.read(claim.file_id) == b"RIFF"


def test_with_the_queue_away_a_retry_is_left_to_the_sweep(decisions, stores: Stores, queue: RememberingQueue):
    ref = failed(stores)
    queue.is_away = True
    decisions.retry(ref)
    (entry,) = stores.session(ref.session_id)["open"]
    assert entry["answer_id"] == ref.answer_id
    assert entry["due"] > datetime.now(UTC)


def gone_with_its_answer_told(stores: Stores) -> AnswerRef:
    ref = failed(stores)
    file_id = stores.answer(ref)["gridfs_file_id"]
    seq = stores.session(ref.session_id)["seq"]
    assert stores.answers.forget_audio(ref, file_id)
    assert stores.session(ref.session_id)["seq"] == seq + 1
    assert audio_status(stores, ref) == "deleting"
    assert not can_retry(stores, ref)
    return ref


def gone_without(stores: Stores) -> AnswerRef:
    ref = failed(stores)
    stores.audio.delete(stores.answer(ref)["gridfs_file_id"])
    return ref


@pytest.mark.parametrize(
    "begin", [gone_with_its_answer_told, gone_without, lambda stores: failed(stores, keeps_audio=False)]
)
def test_without_its_recording_an_answer_is_not_tried_again(decisions, stores: Stores, queue, begin):
    ref = begin(stores)
    before = stores.session(ref.session_id)
    with pytest.raises(Conflict) as conflict:
        decisions.retry(ref)
    assert conflict.value.code == "recording_gone"
    assert stores.session(ref.session_id) == before
    assert queue.sent == []


@pytest.mark.parametrize(
    ("begin", "code"), [(queued, "not_ended"), (processing, "not_ended"), (completed, "already_completed")]
)
def test_only_what_ended_without_a_transcript_is_tried_again(decisions, stores: Stores, begin, code):
    ref = begin(stores)
    before = stores.session(ref.session_id)
    with pytest.raises(Conflict) as conflict:
        decisions.retry(ref)
    assert conflict.value.code == code
    assert stores.session(ref.session_id) == before


def test_an_answer_that_was_recorded_again_is_not_found(decisions, stores: Stores):
    ref = failed(stores)
    stores.accept(ref.session_id)
    before = stores.session(ref.session_id)
    for decide in (decisions.cancel, decisions.retry, lambda ref: decisions.mark_failed(ref, "No.")):
        with pytest.raises(NotFound):
            decide(ref)
    assert stores.session(ref.session_id) == before


@unfinished
def test_the_recording_of_an_unfinished_answer_is_not_forgotten(stores: Stores, begin):
    ref = begin(stores)
    before = stores.session(ref.session_id)
    assert not stores.answers.forget_audio(ref, before["answers"]["q1"]["gridfs_file_id"])
    assert stores.session(ref.session_id) == before


def test_a_retry_and_the_retention_do_not_both_get_the_recording(decisions, stores: Stores):
    ref = failed(stores)
    file_id = stores.answer(ref)["gridfs_file_id"]
    decisions.retry(ref)
    assert not stores.answers.forget_audio(ref, file_id)
    assert Status(stores.answer(ref)["transcription_status"]) is Status.QUEUED


def test_a_recording_that_no_answer_refers_to_may_go(stores: Stores):
    ref = failed(stores)
    file_id = stores.answer(ref)["gridfs_file_id"]
    stores.accept(ref.session_id)
    assert stores.answers.forget_audio(ref, file_id)
    assert stores.answers.forget_audio(AnswerRef("no", "such", "answer"), file_id)
