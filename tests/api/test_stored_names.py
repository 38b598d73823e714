"""What whoever reads the database finds there: the names that clients of it know."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, audio


@pytest.mark.covers("I-schema")
def test_an_answer_stands_in_its_session_under_the_names_that_are_known(
    client: FlaskClient, upload, transcribe, interview: Interview, database: MongoDatabase
):
    answer = _reader(database, interview)
    accepted = upload()
    waiting = answer()
    assert (waiting["question_id"], waiting["transcription_status"]) == ("q1", "queued")
    assert waiting["gridfs_file_id"] == accepted.get_json()["file_id"]
    transcribe(accepted)
    client.post(f"/api/analyze/{interview.id}", headers=interview.owner)
    ended = answer()
    assert (ended["transcription_status"], ended["transcript"]) == ("completed", "i led a team")
    assert ended["gridfs_file_id"] is None
    assert ended["id"] == waiting["id"]
    assert ended["created_at"] <= ended["transcribed_at"]
    assert isinstance(ended["score"], float)
    assert ended["feedback"]


@pytest.mark.covers("I-schema")
def test_an_answer_that_failed_says_why_under_the_name_that_is_known(
    upload, transcribe, interview: Interview, database: MongoDatabase
):
    transcribe(upload(form=audio(b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\xff" * 64)))
    assert _reader(database, interview)()["transcription_error"].keys() == {"code", "message"}


def _reader(database: MongoDatabase, interview: Interview) -> Callable[[], dict[str, Any]]:
    def read() -> dict[str, Any]:
        session = database["interview_sessions"].find_one({"_id": interview.id})
        assert session is not None
        found: dict[str, Any] = session["answers"]["q1"]
        return found

    return read
