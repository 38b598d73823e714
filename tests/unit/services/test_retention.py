from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId

from services.models import AnswerRef
from services.retention import Retention
from services.storage.retention_rules import RetentionRule, RetentionRuleStore
from tests.factories import recording_of
from tests.stores import MODEL, Stores, transcript_of

DAY = timedelta(days=1)


def collected(stores: Stores, *, dry_run: bool = False, older_than: timedelta = DAY) -> list[str]:
    """The reasons of what was removed."""
    retention = Retention(
        stores.audio, stores.answers, stores.sessions, RetentionRuleStore(stores.database), failed_hours=168
    )
    return [removal.reason for removal in retention.collect(older_than=older_than, dry_run=dry_run)]


def age_files(stores: Stores, age: timedelta) -> None:
    past = datetime.now(UTC) - age
    changed = {"uploadDate": past, "metadata.upload_date": past, "metadata.status_at": past}
    stores.database["fs.files"].update_many({}, {"$set": changed})


@pytest.mark.covers("I-cleanup")
def test_audio_that_waits_for_its_transcript_is_never_removed_however_old(stores: Stores):
    stores.accept(stores.start("q1"))
    stores.claimed()
    age_files(stores, 1000 * DAY)
    assert collected(stores) == []
    assert collected(stores, older_than=timedelta(0)) == []
    assert stores.files() == 2


def test_a_recording_that_no_answer_refers_to_is_removed_when_it_is_old(stores: Stores):
    stores.audio.save(recording_of(), AnswerRef(stores.start("q1"), "q1", "never-accepted"), "owner")
    assert collected(stores) == []
    age_files(stores, 2 * DAY)
    assert collected(stores) == ["no answer refers to it"]
    assert stores.files() == 0
    assert stores.database["fs.chunks"].count_documents({}) == 0


def test_a_recording_that_was_replaced_is_removed_and_the_new_one_stays(stores: Stores):
    first = stores.accept(stores.start("q1"))
    again = stores.accept(first.session_id)
    age_files(stores, 2 * DAY)
    assert collected(stores) == ["its answer needs it no more"]
    assert stores.audio.read(stores.answer(again)["gridfs_file_id"]) == b"RIFF"


def test_a_recording_whose_session_is_gone_is_removed(stores: Stores):
    ref = stores.accept(stores.start("q1"))
    stores.database["interview_sessions"].delete_one({"_id": ref.session_id})
    age_files(stores, 2 * DAY)
    assert collected(stores) == ["no answer refers to it"]


def test_a_dry_run_says_the_same_and_removes_nothing(stores: Stores):
    stores.audio.save(recording_of(), AnswerRef("s", "q", "a"), "owner")
    age_files(stores, 2 * DAY)
    assert collected(stores, dry_run=True) == ["no answer refers to it"]
    assert stores.files() == 1


def test_the_audio_of_a_failed_answer_goes_when_its_retention_is_over(stores: Stores):
    stores.answers.fail(stores.claimed(), code="c", message="m", keeps_audio=True)
    age_files(stores, 6 * DAY)
    assert collected(stores) == []
    age_files(stores, 8 * DAY)
    ref, file_id = ref_of_failed(stores)
    assert collected(stores, dry_run=True) == ["its answer failed and the retention is over"]
    assert stores.answer(ref)["gridfs_file_id"] == file_id
    assert collected(stores) == ["its answer failed and the retention is over"]
    assert stores.files() == 0
    assert stores.answer(ref)["gridfs_file_id"] is None


def ref_of_failed(stores: Stores) -> tuple[AnswerRef, str]:
    (audio,) = stores.audio.with_status("failed", before=datetime.now(UTC))
    return audio.ref, audio.file_id


def test_the_audio_of_an_answer_that_is_tried_again_at_that_moment_stays(stores: Stores):
    stores.answers.fail(stores.claimed(), code="c", message="m", keeps_audio=True)
    ref, _ = ref_of_failed(stores)
    age_files(stores, 8 * DAY)
    path = f"answers.{ref.question_id}.transcription_status"
    stores.database["interview_sessions"].update_one({"_id": ref.session_id}, {"$set": {path: "queued"}})
    assert collected(stores) == []
    assert stores.files() == 1


def test_the_retention_of_a_failed_answer_begins_when_it_fails(stores: Stores):
    claim = stores.claimed()
    age_files(stores, 30 * DAY)
    stores.answers.fail(claim, code="c", message="m", keeps_audio=True)
    assert collected(stores) == []
    assert stores.files() == 1


def test_audio_whose_transcript_is_stored_goes_at_once(stores: Stores):
    stores.answers.complete(stores.claimed(), transcript_of(), MODEL)
    assert collected(stores) == ["its answer needs it no more"]
    assert stores.files() == 0


def test_chunks_of_an_upload_that_never_ended_are_removed_when_they_are_old(stores: Stores):
    chunks = stores.database["fs.chunks"]
    old = ObjectId.from_datetime(datetime.now(UTC) - 2 * DAY)
    chunks.insert_many([{"files_id": old, "n": n, "data": b"x"} for n in range(3)])
    chunks.insert_one({"files_id": ObjectId(), "n": 0, "data": b"under way"})
    stores.accept(stores.start("q1"))
    assert collected(stores) == ["its upload never ended"]
    assert chunks.count_documents({"files_id": old}) == 0
    assert chunks.count_documents({}) == 2


@pytest.mark.covers("Q-retention")
def test_an_owner_may_have_recordings_of_failed_answers_go_sooner(stores: Stores):
    rules = RetentionRuleStore(stores.database)
    for audio_of in (stores.claimed(), stores.claimed()):
        stores.answers.fail(audio_of, code="c", message="m", keeps_audio=True)
    age_files(stores, timedelta(hours=3))
    assert collected(stores) == []
    rules.save(RetentionRule("somebody else", None, 0))
    assert collected(stores) == []
    rules.save(RetentionRule("owner", None, 4))
    assert collected(stores) == []
    rules.save(RetentionRule("owner", None, 2))
    assert collected(stores) == ["its answer failed and the retention is over"] * 2
    assert stores.files() == 0


def test_an_owner_cannot_have_them_stay_longer(stores: Stores):
    stores.answers.fail(stores.claimed(), code="c", message="m", keeps_audio=True)
    RetentionRuleStore(stores.database).save(RetentionRule("owner", None, 10_000))
    age_files(stores, timedelta(hours=169))
    assert len(collected(stores)) == 1
