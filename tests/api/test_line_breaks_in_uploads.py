"""Recordings full of bytes that look like the beginning of a multipart boundary."""

import io

import pytest
from flask.testing import FlaskClient

from tests.factories import wav_of

HEADER_BYTES = 44


@pytest.mark.parametrize("line_break", [b"\n\r\n-", b"\r\n--"])
def test_a_recording_full_of_line_breaks_is_accepted(client: FlaskClient, token: str, line_break: bytes):
    as_owner = {"Authorization": f"Bearer {token}"}
    started = client.post("/api/sessions", json={"questions": [{"id": "q1", "prompt": "Why?"}]}, headers=as_owner)
    content = wav_of()[:HEADER_BYTES] + 100_000 * line_break
    form = {"audio": (io.BytesIO(content), "answer.wav")}

    reply = client.post(f"/api/upload-answer/{started.get_json()['id']}/q1", data=form, headers=as_owner)

    assert reply.status_code == 202, reply.json
    assert reply.get_json()["bytes"] == len(content)
