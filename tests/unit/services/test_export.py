"""Exports: everything that is kept, under safe names, as it was at one moment."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import pytest

from services.container import Services
from services.models import AnswerRef, Caller, Hints, Question, Session, Task
from services.outside_transcripts import OutsideText
from services.storage.audio import PART_BYTES
from services.storage.client import MongoDatabase
from tests.factories import questions, recording_of, wav_of
from tests.fakes import ScriptedTranscriber

ADA = Caller("ada")
WORKER = Caller("ada", role="worker", key_id="0123456789abcdef01234567")
# More than one part.
LONG_WAV = wav_of(140.0)
HOSTILE = "$50 <b> --> \u202e\u05e9\u05dd\u202c \U0001f600 \x07 ../../etc/passwd"


def start(services: Services, *question_ids: str, **details: Any) -> Session:
    return services.sessions.start(ADA, questions(*question_ids), language="en", details=details).session


def answer(services: Services, session: Session, question_id: str, content: bytes | None = None) -> AnswerRef:
    receipt = services.answers.accept(session, question_id, recording_of(content), "ada")
    return AnswerRef(session.id, question_id, receipt.answer_id)


def exported(services: Services, session_id: str) -> tuple[zipfile.ZipFile, dict[str, Any]]:
    session = services.sessions.get(ADA, session_id)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(services.export.of(ADA, session))))
    assert archive.testzip() is None
    return archive, json.loads(archive.read("session.json"))


def test_an_interview_without_answers_is_its_questions(services: Services):
    session = start(services, "q1", tier="gold")
    archive, told = exported(services, session.id)
    assert archive.namelist() == ["session.json"]
    assert (told["id"], told["tier"], told["answers"], told["questions"][0]["id"]) == (session.id, "gold", [], "q1")


def test_transcripts_come_as_text_and_captions_and_recordings_as_received(
    services: Services, transcriber: ScriptedTranscriber
):
    transcriber.text = HOSTILE
    session = start(services, "q1", "q2", "q3")
    services.transcription.transcribe(answer(services, session, "q1"))
    answer(services, session, "q2", wav_of(0.3))
    archive, told = exported(services, session.id)
    assert archive.namelist() == [
        "transcripts/q1.txt",
        "transcripts/q1.srt",
        "transcripts/q1.vtt",
        "audio/q2.wav",
        "session.json",
    ]
    assert archive.read("transcripts/q1.txt").decode() == HOSTILE
    assert archive.read("audio/q2.wav") == wav_of(0.3)
    first, second = told["answers"]
    assert (first["transcript"], first["transcription_status"]) == (HOSTILE, "completed")
    (segment,) = first["revisions"][0]["segments"]
    assert (segment["start"], segment["end"], segment["text"]) == (0.0, 1.0, HOSTILE)
    assert [word["text"] for word in segment["words"]] == HOSTILE.split()
    assert (second["transcription_status"], second["files"]) == ("queued", ["audio/q2.wav"])
    assert not {"lease", "gridfs_file_id"} & (set(first) | set(second))


def test_an_edit_is_in_it_with_what_was_heard_first(services: Services):
    session = start(services, "q1")
    services.transcription.transcribe(answer(services, session, "q1"))
    read = services.sessions.get(ADA, session.id)
    services.review.edit_transcript(ADA, read, "q1", "I led TWO teams", None)
    archive, told = exported(services, session.id)
    assert archive.read("transcripts/q1.txt") == b"I led TWO teams"
    assert b"00:00:00,000 --> 00:00:01,000\nI led TWO teams" in archive.read("transcripts/q1.srt")
    assert [each["text"] for each in told["answers"][0]["revisions"]] == ["i led a team", "I led TWO teams"]


def test_captions_follow_the_words_and_what_a_person_left_of_them(services: Services, transcriber: ScriptedTranscriber):
    transcriber.text = "one two three four five six seven eight nine ten"
    session = start(services, "q1")
    services.transcription.transcribe(answer(services, session, "q1", wav_of(10.0)))
    heard, told = exported(services, session.id)
    assert [each["text"] for each in told["answers"][0]["revisions"][0]["segments"][0]["words"]] == (
        transcriber.text.split()
    )
    services.review.edit_transcript(
        ADA, services.sessions.get(ADA, session.id), "q1", transcriber.text.replace("two", "and too"), None
    )
    edited = exported(services, session.id)[0]
    for archive, first in (
        (heard, b"one two three four five six seven"),
        (edited, b"one and too three four five six seven"),
    ):
        captions = archive.read("transcripts/q1.srt")
        assert b"00:00:00,000 --> 00:00:07,000\n" + first + b"\n" in captions
        assert b"00:00:07,000 --> 00:00:10,000\neight nine ten\n" in captions


def test_hints_are_part_of_what_is_kept(services: Services):
    hints = Hints("en", Task.TRANSLATE, "About us.", ("SLO",))
    session = services.sessions.start(ADA, questions("q1"), language="en", details={}, hints=hints).session
    told = exported(services, session.id)[1]
    assert (told["task"], told["initial_prompt"], told["vocabulary"]) == ("translate", "About us.", ["SLO"])


def test_text_so_far_is_in_it_as_one_text(services: Services, database: MongoDatabase):
    session = start(services, "q1")
    answer(services, session, "q1")
    texts = {str(place): f"part {place}" for place in (10, 2, 0)}
    database["interview_sessions"].update_one({}, {"$set": {"answers.q1.partial_texts": texts}})
    (told,) = exported(services, session.id)[1]["answers"]
    assert told["partial_transcript"] == "part 0 part 2 part 10"
    assert "partial_texts" not in told


def test_a_failed_answer_says_why(services: Services):
    session = start(services, "q1")
    services.decisions.mark_failed(answer(services, session, "q1"), "Nobody could hear it.")
    archive, told = exported(services, session.id)
    assert "audio/q1.wav" in archive.namelist()
    assert told["answers"][0]["transcription_error"]["message"] == "Nobody could hear it."


def test_a_recording_that_goes_meanwhile_is_left_out(services: Services, database: MongoDatabase):
    session = start(services, "q1")
    answer(services, session, "q1")
    read = services.sessions.get(ADA, session.id)
    database["fs.files"].delete_many({})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(services.export.of(ADA, read))))
    assert archive.namelist() == ["session.json"]


def test_an_edit_while_it_is_written_does_not_mix_two_moments(services: Services):
    session = start(services, "q1", "q2")
    for question_id in ("q1", "q2"):
        services.transcription.transcribe(answer(services, session, question_id))
    read = services.sessions.get(ADA, session.id)
    pieces = services.export.of(ADA, read)
    begun = next(pieces)
    services.review.edit_transcript(ADA, read, "q2", "changed", None)
    archive = zipfile.ZipFile(io.BytesIO(begun + b"".join(pieces)))
    assert archive.read("transcripts/q2.txt") == b"i led a team"


@pytest.mark.parametrize("question_id", ["../../etc/passwd", "a/b", "", "x" * 65, "con\n", "c:\\d"])
def test_a_name_that_leads_elsewhere_is_replaced(services: Services, question_id: str):
    """Such an id cannot be stored by the doors there are; an export does not rely on it."""
    session = start(services, "q1")
    services.transcription.transcribe(answer(services, session, "q1"))
    read = services.sessions.get(ADA, session.id)
    hostile = replace(read, questions=(Question(question_id, "?"),), answers={question_id: {**read.answers["q1"]}})
    archive = zipfile.ZipFile(io.BytesIO(b"".join(services.export.of(ADA, hostile))))
    assert archive.namelist()[0] == "transcripts/question-1.txt"


def test_names_that_differ_in_case_only_do_not_meet(services: Services):
    session = start(services, "Q1", "q1", "q1_2")
    for question_id in ("Q1", "q1", "q1_2"):
        services.transcription.transcribe(answer(services, session, question_id))
    names = exported(services, session.id)[0].namelist()
    assert len({name.lower() for name in names}) == len(names) == 10


def test_only_a_part_of_a_recording_is_in_memory_at_a_time(services: Services):
    session = start(services, "q1", "q2")
    for question_id in ("q1", "q2"):
        answer(services, session, question_id, LONG_WAV)
    pieces = list(services.export.of(ADA, services.sessions.get(ADA, session.id)))
    assert max(map(len, pieces)) < PART_BYTES + 1000 < len(LONG_WAV)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert archive.testzip() is None
    assert archive.read("audio/q1.wav") == archive.read("audio/q2.wav") == LONG_WAV


def test_a_recording_that_is_deleted_while_it_is_sent_does_not_count_as_kept(services: Services):
    session = start(services, "q1", "q2")
    ref = answer(services, session, "q1", LONG_WAV)
    answer(services, session, "q2")
    pieces = services.export.of(ADA, services.sessions.get(ADA, session.id))
    sent = next(pieces)
    services.outside_transcripts.write(
        WORKER, services.sessions.get(ADA, session.id), "q1", OutsideText("i led a team")
    )
    archive = zipfile.ZipFile(io.BytesIO(sent + b"".join(pieces)))
    assert archive.testzip() is None
    told = {each["question_id"]: each["files"] for each in json.loads(archive.read("session.json"))["answers"]}
    assert told == {ref.question_id: [], "q2": ["audio/q2.wav"]}


def test_it_is_on_record_before_anything_is_given(services: Services):
    session = start(services, "q1")
    services.export.of(ADA, session)
    (row,) = services.audit.list_of(session_id=session.id).rows
    assert (row.action, row.actor_id) == ("session.export", "ada")
