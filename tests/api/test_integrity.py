"""What arrives otherwise than it was sent is refused, and nothing of it is stored."""

import base64
from collections.abc import Callable
from hashlib import md5, sha256, sha512
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.api.conftest import Interview, assert_problem, audio
from tests.factories import wav_of

Upload = Callable[..., TestResponse]
StoredFiles = Callable[[], tuple[int, int]]

WAV = wav_of()
BOUNDARY = "multipart/form-data; boundary=b"
BODY = (
    b'--b\r\nContent-Disposition: form-data; name="audio"; filename="a.wav"\r\n\r\n'
    + WAV
    + b"\r\n--b--\r\nepilogue\r\n"
)


def sent_digest(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256(content).digest()).decode()}:"


OF_OTHER_BYTES = sent_digest(b"other")


@pytest.fixture
def send(upload: Upload, interview: Interview) -> Callable[[str], TestResponse]:
    """Upload with a Content-Digest."""

    def post(digest: str) -> TestResponse:
        headers = {**interview.candidate, "Content-Digest": digest}
        return upload(form=BODY, content_type=BOUNDARY, headers=headers)

    return post


def test_what_was_declared_and_arrived_is_accepted(upload: Upload) -> None:
    declared = {"bytes": str(len(WAV)), "sha256": sha256(WAV).hexdigest().upper()}
    assert upload(form={**audio(), **declared}).status_code == 202


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        ({"bytes": str(len(WAV) + 1)}, "recording_incomplete"),
        ({"bytes": "0"}, "recording_incomplete"),
        ({"sha256": sha256(b"other").hexdigest()}, "digest_mismatch"),
        ({"bytes": str(len(WAV)), "sha256": "0" * 64}, "digest_mismatch"),
    ],
)
def test_what_was_declared_otherwise_is_refused(
    upload: Upload, stored_files: StoredFiles, declared: dict[str, Any], code: str
) -> None:
    assert_problem(upload(form={**audio(), **declared}), 422, code)
    assert stored_files() == (0, 0)


@pytest.mark.parametrize("declared", [{"bytes": "many"}, {"bytes": "-1"}, {"sha256": "abc"}, {"sha256": "g" * 64}])
def test_a_declaration_that_is_none_is_refused(upload: Upload, declared: dict[str, Any]) -> None:
    assert_problem(upload(form={**audio(), **declared}), 422)


@pytest.mark.parametrize("content", [BODY, WAV], ids=["of the whole body", "of the recording"])
def test_the_digest_may_be_of_the_body_or_of_the_recording(send, content: bytes) -> None:
    assert send(sent_digest(content)).status_code == 202


def test_a_digest_of_other_bytes_is_refused(send, stored_files: StoredFiles) -> None:
    assert_problem(send(OF_OTHER_BYTES), 422, "digest_mismatch")
    assert stored_files() == (0, 0)


def test_a_digest_is_checked_when_there_is_a_key_too(upload: Upload, interview: Interview) -> None:
    headers = {**interview.candidate, "Content-Digest": OF_OTHER_BYTES, "Idempotency-Key": "key"}
    assert_problem(upload(form=BODY, content_type=BOUNDARY, headers=headers), 422, "digest_mismatch")
    headers["Content-Digest"] = sent_digest(BODY)
    assert upload(form=BODY, content_type=BOUNDARY, headers=headers).status_code == 202


def other(name: str, digest: bytes) -> str:
    return f"{name}=:{base64.b64encode(digest).decode()}:"


@pytest.mark.parametrize(
    "digest",
    [
        other("sha-512", sha512(b"other").digest()),
        other("md5", md5(b"other").digest()),
        "unixsum=30637",
        f"{other('sha-512', b'?')}, {sent_digest(WAV)}",
        f"{sent_digest(WAV)};q=1",
        f"{OF_OTHER_BYTES}, {sent_digest(WAV)}",  # of a name that comes twice the last one counts
    ],
)
def test_other_algorithms_are_nothing_to_us(send, digest: str) -> None:
    assert send(digest).status_code == 202


@pytest.mark.parametrize(
    "digest",
    [
        *("", "sha-256", "sha-256=", "sha-256=abc", "sha-256=:abc:", "sha-256=::", "sha-256=:" + "A" * 44 + ":", "="),
        *(f"{OF_OTHER_BYTES},", "SHA-256=:AAAA:", "sha-256=:\u00e4:", "sha-256 = :AAAA:", f"{OF_OTHER_BYTES} x"),
        other("sha-256", b"too short"),
    ],
)
def test_a_malformed_digest_is_refused(send, digest: str) -> None:
    assert_problem(send(digest), 400)
