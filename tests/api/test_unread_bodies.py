"""Who has no right, or declares too much, is answered before sending the body."""

import socket

import pytest

from tests.api.conftest import Interview, RunningServer

MIB = 1024 * 1024


def answer_to(server: RunningServer, path: str, token: str | None, length: int) -> bytes:
    """Send the head and a little of the body of an upload, wait for the reply and return its head."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n{authorization}"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n--b\r\n"
    )
    with socket.create_connection((server.host, server.port), timeout=10) as line:
        line.sendall(head.encode())
        reply = b""
        while b"\r\n\r\n" not in reply:
            received = line.recv(4096)
            assert received, "the connection was closed without a reply"
            reply += received
    return reply


@pytest.mark.parametrize("who", ["nobody", "garbage", "another's link"])
def test_who_has_no_right_is_refused_without_sending_the_recording(
    server: RunningServer, interview: Interview, other_interview: Interview, who: str
) -> None:
    token = {"nobody": None, "garbage": "garbage", "another's link": other_interview.link_token}[who]
    status = b"404" if who == "another's link" else b"401"
    assert answer_to(server, interview.upload_path(), token, 20 * MIB).split()[1] == status


def test_a_question_that_is_not_asked_is_refused_without_sending_the_recording(
    server: RunningServer, interview: Interview
) -> None:
    reply = answer_to(server, interview.upload_path("q9"), interview.link_token, 20 * MIB)
    assert reply.split()[1] == b"404"


def test_a_recording_that_declares_too_much_is_refused_without_being_sent(
    server: RunningServer, interview: Interview
) -> None:
    reply = answer_to(server, interview.upload_path(), interview.link_token, 30 * MIB)
    assert reply.split()[1] == b"413"


def test_a_session_that_declares_too_much_is_refused_without_being_sent(
    server: RunningServer, interview: Interview, token: str
) -> None:
    head = answer_to(server, "/api/sessions", token, 20 * MIB)
    assert head.split()[1] == b"413"


@pytest.mark.parametrize("path", ["/nowhere", "/healthz", "/api/docs/"])
def test_a_body_where_none_belongs_is_not_waited_for(server: RunningServer, path: str) -> None:
    assert answer_to(server, path, None, 20 * MIB).split()[1] in (b"404", b"405")
