"""Recordings that are refused at the door, and leave nothing behind."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.storage.client import MongoDatabase
from tests.api.conftest import Interview, assert_problem, audio
from tests.factories import wav_of

MIB = 1024 * 1024
Upload = Callable[..., TestResponse]
BOUNDARY = "multipart/form-data; boundary=b"
PART = b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'


@pytest.fixture(autouse=True)
def nothing_is_stored(
    stored_files: Callable[[], tuple[int, int]], database: MongoDatabase, interview: Interview
) -> Iterator[None]:
    """After every refusal GridFS is empty and the interview is as it was."""
    yield
    assert stored_files() == (0, 0)
    session = database["interview_sessions"].find_one({"_id": interview.id})
    assert session is not None
    assert (session["answers"], session["open"], session["answer_ids"]) == ({}, [], [])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("answer.wav", b"What I say is text."),
        ("answer.webm", b"ffconcat version 1.0\nfile '/etc/passwd'\n"),
        ("answer.webm", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/\n"),
        ("answer.mp3", b"<html><audio></audio></html>"),
        ("answer.ogg", b"PK\x03\x04" + bytes(200)),
        ("answer.wav", b"RIFF\x00\x00\x00\x00AVI " + bytes(100)),
        ("answer.webm", b"\x1a\x45\xdf\xa3"),
        ("answer.webm", b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"/>'),
        ("answer.mp4", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n"),
        ("answer.wav", b"\x00" * 5000),
        ("answer.wav", b"R"),
    ],
)
def test_what_is_not_audio_is_refused_whatever_it_is_called(upload: Upload, name: str, content: bytes) -> None:
    assert_problem(upload(form=audio(content, name)), 415, "unsupported_media_type")


def test_an_empty_recording_is_refused(upload: Upload) -> None:
    assert_problem(upload(form=audio(b"")), 422, "empty_recording")


def test_one_byte_more_than_25_mib_is_too_large(upload: Upload) -> None:
    recording = wav_of() + bytes(25 * MIB + 1 - len(wav_of()))
    body = PART + recording + b"\r\n--b--\r\n"
    reply = upload(form={}, input_stream=BytesIO(body), content_type=BOUNDARY)
    assert_problem(reply, 413, "recording_too_large")


def test_a_body_that_declares_too_much_is_refused_unread(upload: Upload) -> None:
    class Untouchable(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("the body was read")

        readinto = readline = read  # type: ignore[assignment]

    reply = upload(
        form={}, input_stream=Untouchable(), environ_overrides={"CONTENT_LENGTH": str(26 * MIB)}, content_type=BOUNDARY
    )
    assert_problem(reply, 413, "recording_too_large")


def test_a_body_of_no_declared_length_is_refused_once_it_has_grown_too_large(upload: Upload) -> None:
    stream = BytesIO(PART + wav_of() + bytes(26 * MIB))
    environ = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    reply = upload(form={}, input_stream=stream, content_type=BOUNDARY, environ_overrides=environ)
    assert_problem(reply, 413)
    assert stream.tell() <= 25 * MIB + 256 * 1024


def test_a_missing_recording_is_refused(upload: Upload) -> None:
    reply = upload(form={"duration_ms": "5"}, content_type="multipart/form-data")
    assert_problem(reply, 422, "missing_file")


def test_a_text_field_is_not_a_recording(upload: Upload) -> None:
    reply = upload(form={"audio": "RIFF"}, content_type="multipart/form-data")
    assert_problem(reply, 422, "missing_file")


def test_a_recording_in_another_field_is_refused(upload: Upload) -> None:
    assert_problem(upload(form={"file": (BytesIO(wav_of()), "a.wav")}), 422, "missing_file")


@pytest.mark.parametrize("other", ["audio", "file"])
def test_a_second_file_is_refused(upload: Upload, other: str) -> None:
    first, second = (BytesIO(wav_of()), "a.wav"), (BytesIO(wav_of()), "b.wav")
    form = {"audio": [first, second]} if other == "audio" else {"audio": first, other: second}
    assert_problem(upload(form=form), 422, "too_many_files")


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "audio/wav", "", "multipart/mixed"])
def test_another_content_type_is_refused(upload: Upload, content_type: str) -> None:
    reply = upload(form={}, input_stream=BytesIO(wav_of()), content_type=content_type)
    assert_problem(reply, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", PART + wav_of() + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=", PART + wav_of() + b"\r\n--b--\r\n"),
        ("multipart/form-data; boundary=other", PART + wav_of() + b"\r\n--b--\r\n"),
        (BOUNDARY, PART[:30]),
        (BOUNDARY, b"--b\r\n\r\n" + wav_of() + b"\r\n--b--\r\n"),
        (BOUNDARY, b"--b\r\nContent-Disposition\r\n\r\nx\r\n--b--\r\n"),
        (BOUNDARY, b"--b\r\nContent-Disposition: form-data; name=\xff\xfe\r\n\r\nx\r\n--b--\r\n"),
        (BOUNDARY, b""),
        (BOUNDARY, b"\x00" * 1000),
    ],
)
def test_malformed_multipart_is_refused(upload: Upload, content_type: str, body: bytes) -> None:
    reply = upload(form={}, input_stream=BytesIO(body), content_type=content_type)
    assert_problem(reply, 422, "missing_file")


def test_a_recording_without_its_end_is_told_so(upload: Upload) -> None:
    reply = upload(form={}, input_stream=BytesIO(PART + wav_of()), content_type=BOUNDARY)
    assert_problem(reply, 422, "recording_incomplete")


def test_a_body_shorter_than_declared_is_refused(upload: Upload) -> None:
    body = PART + wav_of()[:10_000]
    reply = upload(
        form={}, input_stream=BytesIO(body), content_type=BOUNDARY, environ_overrides={"CONTENT_LENGTH": "32044"}
    )
    assert_problem(reply, 408, "request_timeout")


@pytest.mark.parametrize(
    "fields",
    [
        {"browser": "x" * 200_000},
        {f"field{number}": "x" for number in range(30)},
    ],
)
def test_huge_or_many_form_fields_are_refused(upload: Upload, fields: dict[str, str]) -> None:
    assert_problem(upload(form={**audio(), **fields}), 413)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("language", "English"),
        ("language", "en\n"),
        ("language", "$ne"),
        ("language", ""),
        ("duration_ms", "-1"),
        ("duration_ms", "NaN"),
        ("duration_ms", "1e400"),
        ("duration_ms", "9" * 30),
        ("duration_ms", "9" * 5000),
        ("duration_ms", "five"),
        ("duration_ms", str(24 * 60 * 60 * 1000 + 1)),
    ],
)
def test_a_wrong_language_or_duration_is_refused_by_name(upload: Upload, field: str, value: str) -> None:
    problem = assert_problem(upload(form={**audio(), field: value}), 422, "invalid")
    assert list(problem["errors"]["recording"]) == [field]


@pytest.mark.parametrize(
    ("question_id", "status", "code"),
    [
        ("q3", 404, "no_such_question"),
        ("q1.transcript", 422, "invalid_question_id"),
        ("$set", 422, "invalid_question_id"),
        ("q1%00", 422, "invalid_question_id"),
        ("q1%0A", 422, "invalid_question_id"),
        ("fr%C3%A4ge", 422, "invalid_question_id"),
        ("%FF", 422, "invalid_question_id"),
        ("q" * 65, 422, "invalid_question_id"),
        ("q1%2Fq2", 404, "not_found"),
    ],
)
def test_another_question_is_refused_before_the_body(upload: Upload, question_id: str, status: int, code: str) -> None:
    reply = upload(question_id, form={}, input_stream=BytesIO(b"not multipart"), content_type="text/plain")
    assert_problem(reply, status, code)


@pytest.mark.parametrize("session_id", ["000000000000000000000000", "a.b", "$ne", "x%00", "%FF", "ä", "x" * 5000])
def test_an_unknown_session_is_not_found(client: FlaskClient, interview: Interview, session_id: str) -> None:
    for headers in (interview.owner, interview.candidate):
        reply = client.post(f"/api/upload-answer/{session_id}/q1", data=audio(), headers=headers)
        assert_problem(reply, 404, "not_found")
