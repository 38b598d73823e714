"""A transcript to take along: as txt, srt, vtt and json, one by one and in the zip, whatever has become of it."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import webvtt
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio
from tests.factories import wav_of
from tests.fakes import ScriptedTranscriber

Edit = Callable[[str], None]
SEPARATOR = " --> "


class Texts:
    """The transcript of q1 in every format."""

    def __init__(self, client: FlaskClient, interview: Interview) -> None:
        self._client, self._interview = client, interview

    def read(self, kind: str, query: str = "") -> TestResponse:
        path = f"/api/sessions/{self._interview.id}/answers/q1/transcript?format={kind}{query}"
        reply = self._client.get(path, headers=self._interview.owner)
        assert reply.status_code == 200
        return reply

    def cues(self, kind: str) -> list[tuple[float, float, str]]:
        """As another program reads them."""
        text = self.read(kind).text
        if kind == "srt":
            # The same but for a head, commas and numbers.
            text = "WEBVTT\n\n" + text.replace(",", ".")
        return [(each.start_in_seconds, each.end_in_seconds, each.text) for each in webvtt.from_string(text).captions]

    def zipped(self) -> zipfile.ZipFile:
        reply = self._client.get(f"/api/sessions/{self._interview.id}/export", headers=self._interview.owner)
        return zipfile.ZipFile(io.BytesIO(reply.data))

    def same_in_zip(self) -> dict[str, Any]:
        """What the zip tells of the answer, with the files that are those which are read one by one."""
        archive = self.zipped()
        for kind in ("txt", "srt", "vtt"):
            assert archive.read(f"transcripts/q1.{kind}").decode() == self.read(kind).text
        (told,) = json.loads(archive.read("session.json"))["answers"]
        assert told["transcript"] == self.read("json").get_json()["text"]
        found: dict[str, Any] = told
        return found


@pytest.fixture
def texts(client: FlaskClient, interview: Interview) -> Texts:
    return Texts(client, interview)


@pytest.fixture
def heard(upload: Callable[..., TestResponse], transcribe: Callable[..., None]) -> None:
    """An answer of four seconds: "i led a team"."""
    transcribe(upload(form=audio(wav_of(4.0))))


@pytest.fixture
def change(client: FlaskClient, interview: Interview) -> Callable[..., None]:
    def sent(method: str, path: str, body: dict[str, Any]) -> None:
        path = f"/api/sessions/{interview.id}/answers/q1/transcript{path}"
        reply = client.open(path, method=method, json=body, headers={**interview.owner, "If-Match": "*"})
        assert reply.status_code in (200, 201)

    return sent


@pytest.mark.covers("Q-exports")
@pytest.mark.usefixtures("heard")
def test_what_was_heard_comes_in_every_format(texts: Texts) -> None:
    assert texts.read("txt").text == "i led a team"
    for kind in ("srt", "vtt"):
        assert texts.cues(kind) == [(0.0, 4.0, "i led a team")]
    told = texts.same_in_zip()
    assert [(each["revision"], each["is_edited"]) for each in told["revisions"]] == [(1, False)]


@pytest.mark.covers("Q-exports")
@pytest.mark.usefixtures("heard")
def test_an_edited_text_comes_as_it_is_with_the_times_it_has(texts: Texts, change: Callable[..., None]) -> None:
    change("PUT", "", {"text": "I led a <big> team & more"})
    assert texts.read("txt").text == "I led a <big> team & more"
    assert "&lt;big&gt; team &amp; more" in texts.read("vtt").text
    ((start, end, _),) = texts.cues("srt")
    assert (start, end) == (0.0, 4.0)
    assert len(texts.same_in_zip()["revisions"]) == 2


@pytest.mark.covers("Q-exports")
@pytest.mark.usefixtures("heard")
def test_a_restored_text_comes_as_it_was_heard(texts: Texts, change: Callable[..., None]) -> None:
    before = [texts.read(kind).text for kind in ("txt", "srt", "vtt")]
    change("PUT", "", {"text": "Nothing of that."})
    change("POST", "/restore", {"revision": 1})
    assert [texts.read(kind).text for kind in ("txt", "srt", "vtt")] == before
    told = texts.same_in_zip()
    assert [each["restored_from"] for each in told["revisions"]] == [None, None, 1]
    assert texts.read("txt", "&revision=2").text == "Nothing of that."


@pytest.mark.covers("Q-exports")
def test_a_typed_text_comes_without_captions(
    texts: Texts, services: Services, client: FlaskClient, interview: Interview
) -> None:
    session = services.sessions.get(Caller("owner"), interview.id)
    services.typed_answers.accept(session, "q1", "I typed this.", "owner")
    assert texts.read("txt").text == "I typed this."
    assert texts.read("json").get_json()["segments"] == []
    assert texts.zipped().namelist() == ["transcripts/q1.txt", "session.json"]
    path = f"/api/sessions/{interview.id}/answers/q1/transcript?format=vtt"
    assert_problem(client.get(path, headers=interview.owner), 409, "no_times")


@pytest.mark.covers("Q-exports")
def test_where_nothing_was_said_there_is_an_empty_file_that_players_take(
    texts: Texts, upload: Callable[..., TestResponse], transcribe: Callable[..., None], transcriber: ScriptedTranscriber
) -> None:
    transcriber.text = ""
    transcribe(upload())
    assert texts.read("txt").text == ""
    assert (texts.read("srt").text, texts.read("vtt").text) == ("", "WEBVTT\n")
    texts.same_in_zip()


@pytest.mark.covers("Q-exports")
@pytest.mark.usefixtures("heard")
def test_what_could_not_be_heard_says_so_in_its_place(texts: Texts, database: MongoDatabase) -> None:
    gap = {"start": 12.0, "end": 41.5, "code": "window_failed"}
    database["interview_sessions"].update_one({}, {"$set": {"answers.q1.gaps": [gap]}})
    for kind in ("srt", "vtt"):
        cues = texts.cues(kind)
        assert [each[:2] for each in cues] == [(0.0, 4.0), (12.0, 19.0)]
        assert "not heard: 12.0" in cues[1][2]
    assert texts.same_in_zip()["gaps"] == [gap]


@pytest.mark.covers("Q-exports", "Q-rating")
@pytest.mark.usefixtures("heard")
def test_what_people_said_of_a_transcript_is_in_the_zip(texts: Texts, change: Callable[..., None]) -> None:
    change("PUT", "/rating", {"stars": 2, "comment": "Half of it."})
    change("POST", "/errors", {"start_word": 1, "end_word": 2, "kind": "wrong", "suggestion": "lead"})
    told = texts.same_in_zip()
    (rating,), (error,) = told["ratings"], told["error_reports"]
    assert (rating["by"], rating["stars"], rating["comment"], rating["revision"]) == ("owner", 2, "Half of it.", 1)
    assert (error["heard"], error["suggestion"], error["kind"]) == ("led", "lead", "wrong")
