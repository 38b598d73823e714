"""Recordings that the door takes and that hurt: the answer fails with its code, nothing is kept, the worker goes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from socket import create_server, socket

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.audio.decode import children
from tests.api.conftest import Interview
from tests.api.test_bad_recordings import BOUNDARY, PART
from tests.factories import wav_of
from tests.fakes import ScriptedTranscriber
from tests.hostile_recordings import HOSTILE, as_mp3, mp4_elsewhere

Upload = Callable[..., TestResponse]
Hear = Callable[[bytes], tuple[str, str | None]]
ELSEWHERE = {
    "ffconcat": lambda address: as_mp3(f"ffconcat version 1.0\nfile '{address}'\n".encode()),
    "hls": lambda address: as_mp3(f"#EXTM3U\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n".encode()),
    "mp4": mp4_elsewhere,
}


@contextmanager
def listening() -> Iterator[tuple[str, socket]]:
    """An address, and the socket that would be connected to."""
    with create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}/secret.wav", server


@pytest.fixture
def hear(client: FlaskClient, interview: Interview, upload: Upload, transcribe: Callable[..., None]) -> Hear:
    """Upload a recording, do the worker's part, and tell the answer's status and the code of its error."""

    def run(content: bytes) -> tuple[str, str | None]:
        body = BytesIO(PART + content + b"\r\n--b--\r\n")
        transcribe(upload(form={}, input_stream=body, content_type=BOUNDARY))
        reply = client.get(f"/api/transcription-status/{interview.id}/q1", headers=interview.candidate)
        status = reply.get_json()
        return status["status"], status["error"] and status["error"]["code"]

    return run


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ten hours of silence", "too_long"),
        ("a cover and no sound", "no_audio_track"),
        ("an mp4 that promises 170 million packets", "bad_audio"),
        ("a webm with 300,000 tracks", "bad_audio"),
    ],
)
def test_what_would_hurt_fails_with_its_code_and_leaves_nothing(
    hear: Hear, stored_files: Callable[[], tuple[int, int]], name: str, code: str
) -> None:
    assert hear(HOSTILE[name]()) == ("failed", code)
    assert stored_files() == (0, 0)


@pytest.mark.parametrize("place", ["file", "http"])
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_names_another_file_fails_and_the_other_file_is_not_heard(
    hear: Hear, transcriber: ScriptedTranscriber, tmp_path: Path, kind: str, place: str
) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav_of())
    with listening() as (url, server):
        assert hear(ELSEWHERE[kind](str(secret) if place == "file" else url)) == ("failed", "bad_audio")
        with pytest.raises(BlockingIOError):
            server.accept()
    assert transcriber.languages == [], "something was heard"


@pytest.mark.parametrize("name", ["a wav of 4 GB", "a webm with an attachment of 20 MB"])
def test_what_only_looks_bad_is_heard(hear: Hear, name: str) -> None:
    assert hear(HOSTILE[name]()) == ("completed", None)


def test_after_a_recording_that_crashes_the_decoder_the_next_one_is_heard(hear: Hear) -> None:
    assert hear(HOSTILE["a webm with 300,000 tracks"]()) == ("failed", "bad_audio")
    server = children.server().pid
    assert hear(wav_of()) == ("completed", None)
    assert children.server().pid == server
