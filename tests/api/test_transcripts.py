"""Reading a transcript: by words, as text, as captions, as it was and as it is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.container import Services
from services.models import Caller
from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio, bearer, fail_the_transcriber
from tests.factories import wav_of
from tests.fakes import ScriptedTranscriber

Upload = Callable[..., TestResponse]
Transcribe = Callable[..., None]
Read = Callable[..., TestResponse]
HOSTILE = "$50 <b> --> \u202e\u05e9\u05dd\u202c \U0001f600 {$gt:''} NaN"


@pytest.fixture
def read(client: FlaskClient, interview: Interview) -> Read:
    """Read a transcript as the candidate."""

    def get(query: str = "", question_id: str = "q1", **options: Any) -> TestResponse:
        headers = {**interview.candidate, **options.pop("headers", {})}
        path = f"/api/sessions/{interview.id}/answers/{question_id}/transcript{query}"
        return client.get(path, headers=headers, **options)

    return get


@pytest.fixture
def heard(upload: Upload, transcribe: Transcribe) -> None:
    """An answer of four seconds: "i led a team"."""
    transcribe(upload(form=audio(wav_of(4.0))))


@pytest.fixture
def edit(client: FlaskClient, interview: Interview) -> Callable[[str], None]:
    def put(text: str) -> None:
        path = f"/api/sessions/{interview.id}/answers/q1/transcript"
        reply = client.put(path, json={"text": text}, headers={**interview.owner, "If-Match": "*"})
        assert reply.status_code == 200

    return put


@pytest.mark.covers("Q-structured", "Q-confidence")
@pytest.mark.covers("E4-S2.1")
@pytest.mark.usefixtures("heard")
def test_a_transcript_tells_when_each_word_was_said_and_how_sure_that_is(read: Read) -> None:
    reply = read()
    assert (reply.status_code, reply.headers["ETag"]) == (200, '"1"')
    told = reply.get_json()
    (segment,) = told.pop("segments")
    assert [(word["text"], word["start"], word["end"]) for word in segment["words"]] == [
        *(("i", 0.0, 1.0), ("led", 1.0, 2.0), ("a", 2.0, 3.0), ("team", 3.0, 4.0)),
    ]
    assert all(0 < word["probability"] <= 1 for word in segment["words"])
    assert (segment["start"], segment["end"], segment["text"]) == (0.0, 4.0, "i led a team")
    assert {"avg_logprob", "no_speech_prob", "compression_ratio", "temperature"} <= set(segment)
    assert (told["text"], told["revision"], told["newest_revision"], told["is_edited"]) == ("i led a team", 1, 1, False)
    assert (told["language"], told["duration_seconds"], told["gaps"]) == ("en", 4.0, [])
    assert told["words_per_minute"] == 60.0
    assert {"queue", "decode", "vad"} <= set(told["timing"])
    for name in ("confidence", "language_probability", "needs_review", "longest_pause_seconds", "low_confidence"):
        assert told[name] is not None, name


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    ("kind", "content_type", "text"),
    [
        ("txt", "text/plain", "i led a team"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:04,000\ni led a team\n"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\ni led a team\n"),
    ],
)
def test_it_comes_as_text_and_as_captions(read: Read, kind: str, content_type: str, text: str) -> None:
    reply = read(f"?format={kind}")
    assert (reply.mimetype, reply.text, reply.headers["ETag"]) == (content_type, text, '"1"')


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("kind", ["json", "txt", "srt", "vtt"])
def test_who_has_that_revision_is_not_sent_it_again(read: Read, edit: Callable[[str], None], kind: str) -> None:
    path = f"?format={kind}"
    again = read(path, headers={"If-None-Match": read(path).headers["ETag"]})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", '"1"')
    edit("I led a team.")
    newer = read(path, headers={"If-None-Match": '"1"'})
    assert (newer.status_code, newer.headers["ETag"]) == (200, '"2"')


@pytest.mark.usefixtures("heard")
def test_an_edited_text_has_the_times_of_the_words_that_were_left(read: Read, edit: Callable[[str], None]) -> None:
    edit("I led a great team.")
    told = read().get_json()
    assert (told["is_edited"], told["revision"], told["needs_review"]) == (True, 2, False)
    (segment,) = told["segments"]
    assert [(word["text"], word["start"]) for word in segment["words"]] == [
        *(("I", 0.0), ("led", 1.0), ("a", 2.0), ("great", None), ("team.", 3.0)),
    ]
    assert segment["words"][3] == {"text": "great", "start": None, "end": None, "probability": None}
    assert "00:00:00,000 --> 00:00:04,000\nI led a great team." in read("?format=srt").text


@pytest.mark.usefixtures("heard")
def test_a_text_that_was_written_anew_has_no_times(read: Read, edit: Callable[[str], None]) -> None:
    edit("Nothing of that was so")
    assert read().get_json()["segments"] == []
    assert read("?format=srt").text == "1\n00:00:00,000 --> 00:00:04,000\nNothing of that was so\n"


@pytest.mark.usefixtures("heard")
def test_an_earlier_revision_is_what_it_was(read: Read, edit: Callable[[str], None]) -> None:
    edit("I led a team.")
    edit("I led two teams.")
    texts = [read(f"?revision={number}").get_json() for number in (1, 2, 3)]
    assert [each["text"] for each in texts] == ["i led a team", "I led a team.", "I led two teams."]
    assert [(each["revision"], each["newest_revision"], each["is_edited"]) for each in texts] == [
        *((1, 3, False), (2, 3, True), (3, 3, True)),
    ]
    assert read("?revision=1").headers["ETag"] == '"1"'
    assert read("?revision=1&format=txt").text == "i led a team"
    assert_problem(read("?revision=4"), 404, "no_such_revision")


@pytest.mark.usefixtures("heard")
def test_which_is_the_newest_is_told_also_to_who_has_an_earlier_one(read: Read, edit: Callable[[str], None]) -> None:
    edit("I led a team.")
    told = read("?revision=1", headers={"If-None-Match": '"1"'})
    assert (told.status_code, told.get_json()["newest_revision"]) == (200, 2)


def test_of_another_recording_there_is_no_earlier_revision(read: Read, upload: Upload, transcribe: Transcribe) -> None:
    transcribe(upload())
    transcribe(upload())
    assert read().get_json()["revision"] == 2
    assert_problem(read("?revision=1"), 404, "no_such_revision")


def test_where_nobody_answered_there_is_nothing(read: Read) -> None:
    assert_problem(read(), 404, "no_answer")
    assert_problem(read(question_id="q9"), 404, "no_such_question")


def test_what_is_waited_for_is_asked_for_again_later(read: Read, upload: Upload) -> None:
    upload()
    for query in ("", "?format=txt", "?format=srt", "?revision=1"):
        reply = read(query)
        assert assert_problem(reply, 409, "transcription_pending")["retryable"] is True
        assert int(reply.headers["Retry-After"]) > 0
        assert "ETag" not in reply.headers


def test_text_so_far_is_shown_by_the_status_and_is_no_transcript(
    client: FlaskClient,
    interview: Interview,
    read: Read,
    upload: Upload,
    transcribe: Transcribe,
    transcriber: ScriptedTranscriber,
) -> None:
    seen: list[tuple[Any, int, str, int]] = []
    status_path = f"/api/transcription-status/{interview.id}/q1"

    def look(_: int) -> None:
        answer = client.get(status_path, headers=interview.candidate).get_json()
        archive = client.get(f"/api/sessions/{interview.id}/export", headers=interview.owner).data
        analysis = client.post(f"/api/analyze/{interview.id}", headers=interview.candidate)
        assert (answer["transcript"], b"transcripts/" in archive) == (None, False)
        seen.append((answer["partial_transcript"], read().status_code, analysis.get_json()["status"], len(archive)))

    transcriber.windows, transcriber.before_window = 2, look
    transcribe(upload(form=audio(wav_of(4.0))))
    pending = "transcription_pending"
    assert [each[:3] for each in seen] == [(None, 409, pending), ("i led", 409, pending)]
    done = client.get(status_path, headers=interview.candidate).get_json()
    assert (done["transcript"], done["partial_transcript"], done["gaps"]) == ("i led a team", None, [])
    assert (done["words_per_minute"], done["timing"]["decode"]) == (60.0, 0.25)
    assert read().status_code == 200


def test_an_answer_that_failed_has_no_transcript(
    read: Read, upload: Upload, transcribe: Transcribe, transcriber: ScriptedTranscriber
) -> None:
    fail_the_transcriber(transcriber)
    transcribe(upload())
    reply = read()
    assert assert_problem(reply, 409, "no_transcript")["retryable"] is False
    assert "Retry-After" not in reply.headers


def test_a_recording_in_which_nothing_is_said_has_an_empty_transcript(
    read: Read, upload: Upload, transcribe: Transcribe, transcriber: ScriptedTranscriber
) -> None:
    transcriber.text = ""
    transcribe(upload())
    assert (read().get_json()["text"], read().get_json()["segments"]) == ("", [])
    assert [read(f"?format={kind}").text for kind in ("txt", "srt", "vtt")] == ["", "", "WEBVTT\n"]


@pytest.mark.usefixtures("heard")
def test_what_was_not_heard_is_told(read: Read, database: MongoDatabase) -> None:
    gap = {"start": 12.0, "end": 41.5, "code": "window_failed"}
    database["interview_sessions"].update_one({}, {"$set": {"answers.q1.gaps": [gap]}})
    text = "[\u2026 not heard: 12.0\u201341.5 s]"
    assert read().get_json()["gaps"] == [{**gap, "text": text}]
    assert f"00:00:12.000 --> 00:00:19.000\n{text}" in read("?format=vtt").text
    assert read("?format=txt").text == "i led a team"


def test_hostile_text_stays_text_in_every_form(
    read: Read, upload: Upload, transcribe: Transcribe, transcriber: ScriptedTranscriber
) -> None:
    transcriber.text = HOSTILE
    transcribe(upload(form=audio(wav_of(4.0))))
    assert read().get_json()["text"] == HOSTILE
    reply = read("?format=txt")
    assert (reply.text, reply.headers["X-Content-Type-Options"]) == (HOSTILE, "nosniff")
    for kind in ("srt", "vtt"):
        assert read(f"?format={kind}").text.count("-->") == 1


@pytest.mark.usefixtures("heard")
def test_a_transcript_from_before_there_were_words_is_read_without_them(read: Read, database: MongoDatabase) -> None:
    database["transcripts"].update_one({}, {"$set": {"segments": [{"start": 0.0, "end": 4.0, "text": "i led a team"}]}})
    database["transcripts"].update_one({}, {"$unset": {"low_confidence": 1}})
    names = ("confidence", "language_probability", "needs_review", "words_per_minute", "gaps", "timing")
    database["interview_sessions"].update_one({}, {"$unset": {f"answers.q1.{name}": 1 for name in names}})
    told = read().get_json()
    assert (told["text"], told["confidence"], told["gaps"], told["low_confidence"]) == ("i led a team", None, [], [])
    assert told["segments"][0]["words"] == []
    assert "i led a team" in read("?format=vtt").text


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    "query",
    [
        "format=xml",
        "format=",
        "format=json%00",
        "format=%ED%A0%80",
        "revision=0",
        "revision=-1",
        "revision=" + "9" * 30,
        "revision=" + "9" * 5_000,
        "revision=NaN",
        "revision=1.5",
        "revision=$gt",
    ],
)
def test_what_is_wrongly_asked_for_is_refused(read: Read, query: str) -> None:
    assert_problem(read(f"?{query}"), 422)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("tag", ["nonsense", '"', 'W/"1', "\xff", '"1' * 1_000, "$gt"])
def test_a_tag_that_means_nothing_matches_nothing(read: Read, tag: str) -> None:
    assert read(headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.usefixtures("heard")
def test_a_foreign_read_of_a_transcript_leaves_a_row(
    client: FlaskClient, services: Services, interview: Interview
) -> None:
    admin = bearer(services.access.issue(Caller("colleague", "admin"), valid_for=timedelta(hours=1)))
    path = f"/api/sessions/{interview.id}/answers/q1/transcript?format=srt"
    assert client.get(path, headers=admin).status_code == 200
    (row,) = services.audit.list_of(session_id=interview.id).rows
    assert (row.action, row.actor_id) == ("transcript.read", "colleague")
    assert row.details == {"door": "/api/sessions/<session_id>/answers/<question_id>/transcript"}
