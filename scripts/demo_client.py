"""The demo's side of the HTTP API."""

import mimetypes
import time
from typing import Any, Self

import httpx

from scripts.demo_interview import DemoQuestion, Interview

TIMEOUT_SECONDS = 60.0


class Refused(Exception):
    """Raised when the service does not do what was asked; the message says what it answered."""


class DemoClient:
    """Speaks to a running service with a bearer token; every call raises `Refused`."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def readiness(self) -> dict[str, Any]:
        """The body of `/readyz`, whatever its status."""
        try:
            body = self._client.get("/readyz").json()
        except (httpx.HTTPError, ValueError) as error:
            raise Refused(f"nothing that speaks like Parley answers at {self._client.base_url} ({error})") from error
        return body if isinstance(body, dict) else {}

    def start_session(self, interview: Interview) -> str:
        """The id of a new interview with these questions."""
        questions = [question.asked for question in interview.questions]
        reply = self._post("/api/sessions", json={"language": interview.language, "questions": questions})
        session_id: str = reply.json()["id"]
        return session_id

    def upload(self, session_id: str, question: DemoQuestion) -> float:
        """Upload a recording; the seconds until it was accepted."""
        content = question.recording.read_bytes()
        content_type = mimetypes.guess_type(question.recording.name)[0] or "application/octet-stream"
        began = time.monotonic()
        self._post(
            f"/api/upload-answer/{session_id}/{question.id}",
            files={"audio": (question.recording.name, content, content_type)},
        )
        return time.monotonic() - began

    def analyze(self, session_id: str) -> dict[str, Any]:
        """What analyze says now; `retry_after` (seconds) in it means that it is too early."""
        body: dict[str, Any] = self._post(f"/api/analyze/{session_id}").json()
        return body

    def transcript(self, session_id: str, question_id: str) -> dict[str, Any]:
        """What was heard, with its words and what somebody should listen to again."""
        path = f"/api/sessions/{session_id}/answers/{question_id}/transcript"
        try:
            reply = self._client.get(path)
        except httpx.HTTPError as error:
            raise Refused(f"GET {path}: {error}") from error
        if not reply.is_success:
            raise Refused(f"GET {path} was answered {reply.status_code}: {_detail_of(reply)}")
        body: dict[str, Any] = reply.json()
        return body

    def _post(self, path: str, **content: Any) -> httpx.Response:
        try:
            reply = self._client.post(path, **content)
        except httpx.HTTPError as error:
            raise Refused(f"POST {path}: {error}") from error
        if reply.is_success:
            return reply
        raise Refused(f"POST {path} was answered {reply.status_code}: {_detail_of(reply)}")


def _detail_of(reply: httpx.Response) -> str:
    try:
        return str(reply.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return reply.reason_phrase
