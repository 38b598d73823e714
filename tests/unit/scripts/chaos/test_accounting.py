"""The accounting can fail: whatever is spoiled in a run, its line says so, and nothing else does."""

import pytest

from scripts.chaos.ledger import Edit
from tests.unit.scripts.chaos.conftest import Story


def test_a_run_in_which_all_went_well_has_no_findings(story: Story):
    accounts = story.judge()
    assert accounts.findings == {}
    assert accounts.fates == {"accepted": 1, "completed": 1, "replaced": 0}
    assert story.stale() == []


def test_an_acknowledged_answer_that_is_gone_is_lost(story: Story):
    del story.aftermath.sessions["s1"]["answers"]["q1"]
    story.aftermath.transcripts.clear()
    assert story.findings() == {"lost"}


def test_a_session_that_is_gone_unasked_loses_its_answers(story: Story):
    story.aftermath.sessions.clear()
    story.aftermath.transcripts.clear()
    assert story.findings() == {"lost"}


def test_an_older_recording_in_the_place_of_a_newer_one_is_a_lost_answer(story: Story):
    story.take("b")
    assert story.findings() == {"lost"}


def test_a_replaced_recording_is_not_lost(story: Story):
    story.take("b")
    story.store("b")
    accounts = story.judge()
    assert accounts.findings == {}
    assert accounts.fates["replaced"] == 1


@pytest.mark.parametrize("arrived", [False, True])
def test_an_upload_without_an_acknowledgement_may_have_arrived_or_not(story: Story, arrived: bool):
    story.take("b", is_acknowledged=False)
    if arrived:
        story.store("b")
    assert story.findings() == set()


def test_one_key_that_made_two_answers_is_doubled(story: Story):
    story.interview.takes[0].answer_ids.append("another")
    assert story.findings() == {"doubled"}


def test_two_answers_of_the_same_upload_are_doubled_even_if_nobody_was_told(story: Story):
    story.lives["twin"] = story.lives["a"].__class__("s1", "q1", "twin", "sha-a", ["queued"])
    assert story.findings() == {"doubled"}


def test_two_transcripts_accepted_for_one_answer_are_doubled(story: Story):
    story.lives["a"].states += ["processing", "completed"]
    assert story.findings() == {"doubled"}


def test_a_transcript_after_a_retry_by_hand_is_not_doubled(story: Story):
    story.lives["a"].states = ["queued", "processing", "failed", "queued", "processing", "completed"]
    assert story.findings() == set()


def test_one_revision_that_is_there_twice_is_doubled(story: Story):
    story.aftermath.transcripts *= 2
    assert story.findings() == {"doubled"}


def test_what_was_heard_so_far_is_no_second_revision_and_goes_with_its_answers_end(story: Story):
    story.aftermath.transcripts.append({"_id": "answer-a:partial", "answer_id": "answer-a", "session_id": "s1"})
    assert story.findings() == {"partial transcripts of ended answers"}
    story.answer["transcription_status"] = "processing"
    assert story.findings() == {"unfinished"}


def test_what_was_heard_of_a_failed_answer_may_stay_as_long_as_its_recording(story: Story):
    story.aftermath.transcripts = [{"_id": "answer-a:partial", "answer_id": "answer-a", "session_id": "s1"}]
    story.answer.update({"transcription_status": "failed", "transcription_error": {"code": "poison"}})
    story.answer["gridfs_file_id"] = "f"
    story.aftermath.files = [{"_id": "f", "metadata": {"session_id": "s1"}}]
    assert story.findings() == set()
    story.answer["gridfs_file_id"] = None
    story.aftermath.files = []
    assert story.findings() == {"partial transcripts of ended answers"}


def test_what_was_heard_of_an_answer_that_is_gone_is_an_orphan(story: Story):
    story.aftermath.transcripts.append({"_id": "gone:partial", "answer_id": "gone", "session_id": "s1"})
    assert story.findings() == {"orphan transcripts"}


def test_windows_whose_workers_were_killed_may_be_missing_and_no_others(story: Story):
    story.answer.update({"transcript": "", "gaps": [{"start": 0.0, "end": 1.0, "code": "crashed"}]})
    assert story.findings() == set()
    story.answer["gaps"] = [{"start": 0.0, "end": 1.0, "code": "transcription_failed"}]
    assert story.findings() == {"gap without a reason"}
    story.answer.update(
        {"transcript": "nobody said a word of it", "gaps": [{"start": 0.0, "end": 1.0, "code": "crashed"}]}
    )
    assert story.findings() == {"wrong transcript"}


def test_text_so_far_that_stays_in_an_ended_answer_is_found(story: Story):
    story.answer["partial_texts"] = {"0": "i led"}
    assert story.findings() == {"partial transcripts of ended answers"}


def test_another_recordings_transcript_is_wrong(story: Story):
    story.answer["transcript"] = "we found a memory leak"
    assert story.findings() == {"wrong transcript"}


def test_an_edit_that_was_acknowledged_must_not_be_overwritten(story: Story):
    story.interview.edits.append(Edit("answer-a", "i led two teams", is_acknowledged=True))
    assert story.findings() == {"overwritten edit"}
    story.answer["transcript"] = "i led two teams"
    assert story.findings() == set()


def test_work_that_is_not_done_when_all_is_calm_is_unfinished(story: Story):
    story.answer["transcription_status"] = "processing"
    assert story.findings() == {"unfinished"}


def test_a_good_recording_that_failed_needs_the_reason_of_a_killed_worker(story: Story):
    story.answer.update(transcription_status="failed", transcription_error={"code": "bad_audio"})
    assert story.findings() == {"failed without a reason"}
    story.answer["transcription_error"] = {"code": "poison"}
    assert story.findings() == set()


def test_nobody_cancels_but_the_candidate(story: Story):
    story.answer["transcription_status"] = "cancelled"
    assert story.findings() == {"cancelled by nobody"}
    story.interview.cancels.add("answer-a")
    assert story.findings() == set()


def test_what_is_left_of_an_erased_interview_is_found(story: Story):
    story.interview.erase_begun = story.interview.erased = True
    assert story.findings() == {"left of an erased session"}
    story.aftermath.sessions.clear()
    story.aftermath.transcripts.clear()
    assert story.findings() == set()
    story.aftermath.receipts_by_session["s1"] = 1
    assert story.findings() == {"left of an erased session"}


def test_a_recording_that_no_answer_refers_to_is_an_orphan(story: Story):
    story.aftermath.files.append({"_id": "f1", "metadata": {"session_id": "s1"}})
    assert story.findings() == {"orphan files"}


def test_chunks_without_their_file_are_orphans(story: Story):
    story.aftermath.chunk_owners.add("f2")
    assert story.findings() == {"orphan chunks"}


def test_an_answer_whose_recording_is_gone_is_found(story: Story):
    story.answer["gridfs_file_id"] = "f3"
    assert story.findings() == {"missing recordings"}


def test_a_transcript_that_no_answer_refers_to_is_an_orphan(story: Story):
    story.aftermath.transcripts.append({"answer_id": "before", "session_id": "s1", "revision": 1})
    assert story.findings() == {"orphan transcripts"}


def test_a_marker_of_an_upload_that_is_left_is_found(story: Story):
    story.aftermath.markers = 1
    assert story.findings() == {"upload markers"}


@pytest.mark.parametrize(("name", "value"), [("status", "processing"), ("transcript", "i"), ("answer_id", "before")])
def test_a_socket_that_was_told_something_else_last_is_stale(story: Story, name: str, value: str):
    story.told["s1"]["q1"][name] = value
    assert len(story.stale()) == 1


def test_a_socket_that_never_heard_of_an_answer_is_stale(story: Story):
    story.told["s1"].clear()
    assert len(story.stale()) == 1
