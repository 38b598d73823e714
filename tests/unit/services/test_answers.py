import pytest

from services.container import Services
from services.errors import NotFound
from services.models import Caller, Session, Status
from services.storage.client import MongoDatabase
from tests.factories import questions, recording_of
from tests.fakes import RememberingQueue
from tests.stores import Stores


@pytest.fixture
def session(services: Services, owner: Caller) -> Session:
    return services.sessions.start(owner, questions("q1", "q2"), language=None, details={}).session


@pytest.mark.covers("I-next-question")
def test_an_accepted_recording_is_stored_before_its_message_is_sent(services, session, stores: Stores, queue):
    recording = recording_of(language="en", declared_duration_ms=1000)
    receipt = services.answers.accept(session, "q1", recording, "owner")
    (ref,) = queue.sent
    assert ref.answer_id == receipt.answer_id
    answer = stores.answer(ref)
    assert (answer["transcription_status"], answer["gridfs_file_id"]) == ("queued", receipt.file_id)
    assert (receipt.sha256, receipt.bytes) == (recording.sha256, len(recording.content))
    assert stores.audio.read(receipt.file_id) == recording.content
    stores.check(session.id)


def test_a_recording_of_many_chunks_is_read_back_byte_for_byte(services, session, stores: Stores):
    content = bytes(range(256)) * 2500
    receipt = services.answers.accept(session, "q1", recording_of(content), "owner")
    assert stores.audio.read(receipt.file_id) == content
    assert stores.database["fs.chunks"].count_documents({}) == 3


@pytest.mark.covers("I-gridfs")
def test_the_file_says_whose_it_is(services, session, database: MongoDatabase):
    receipt = services.answers.accept(session, "q1", recording_of(), "ada")
    file = database["fs.files"].find_one({})
    assert file is not None
    metadata = file["metadata"]
    assert (metadata["session_id"], metadata["question_id"], metadata["user_id"]) == (session.id, "q1", "ada")
    assert (metadata["answer_id"], metadata["sha256"]) == (receipt.answer_id, receipt.sha256)
    assert (metadata["content_type"], metadata["status"]) == ("audio/wav", "stored")
    assert file["uploadDate"] == metadata["upload_date"]


def test_with_the_queue_away_the_answer_is_accepted_all_the_same(services, session, stores, queue: RememberingQueue):
    queue.is_away = True
    receipt = services.answers.accept(session, "q1", recording_of(), "owner")
    found = services.sessions.get(Caller("owner", role="admin"), session.id)
    assert services.answers.status(found, "q1").status is Status.QUEUED
    assert stores.audio.read(receipt.file_id)


def test_a_new_recording_takes_the_place_of_the_old_one_and_the_old_audio_goes(services, session, stores: Stores):
    first = services.answers.accept(session, "q1", recording_of(), "owner")
    again = services.answers.accept(session, "q1", recording_of(b"RIFFsecond"), "owner")
    assert first.answer_id != again.answer_id
    assert stores.files() == 1
    assert stores.audio.read(again.file_id) == b"RIFFsecond"
    stores.check(session.id)


def test_a_session_that_goes_away_during_the_upload_leaves_no_audio(services, session, database, stores, queue):
    database["interview_sessions"].delete_one({"_id": session.id})
    with pytest.raises(NotFound):
        services.answers.accept(session, "q1", recording_of(), "owner")
    assert (stores.files(), queue.sent) == (0, [])


def test_no_answer_and_no_such_question_are_told_apart(services, session):
    with pytest.raises(NotFound) as no_answer:
        services.answers.status(session, "q1")
    with pytest.raises(NotFound) as no_question:
        services.answers.status(session, "q9")
    assert (no_answer.value.code, no_question.value.code) == ("no_answer", "no_such_question")


@pytest.mark.covers("I-languages")
@pytest.mark.parametrize("languages", [(None, "de", "de"), ("fr", "de", "fr"), (None, None, None)])
def test_the_language_is_the_recordings_else_the_sessions(services: Services, stores: Stores, queue, languages):
    own, of_session, heard = languages
    session = services.sessions.start(Caller("ada"), questions("q1"), language=of_session, details={}).session
    services.answers.accept(session, "q1", recording_of(language=own), "ada")
    assert stores.claim(queue.sent[0]).hints.language == heard
