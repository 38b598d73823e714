"""A mentor with the link of an interview and nothing else, as the clients of mentors speak."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.api.conftest import Interview
from tests.factories import wav_of

WAV = wav_of(0.2)


@dataclass(frozen=True)
class Mentor:
    """Who answers; `client` sends no credential by itself."""

    client: FlaskClient
    interview: Interview

    @property
    def token(self) -> str:
        return self.interview.link_token

    def path(self, rest: str) -> str:
        return f"/api/mentor-interview/{self.token}/{rest}"

    def get(self, rest: str, **options: Any) -> TestResponse:
        return self.client.get(self.path(rest), **options)

    def ask_for_address(self, stage_id: Any = 1, **changes: Any) -> TestResponse:
        wanted = {"token": self.token, "stage_id": stage_id, "content_type": "audio/wav", "bytes": len(WAV)}
        body = {name: value for name, value in {**wanted, **changes}.items() if value is not None}
        return self.client.post("/api/upload-url", json=body)

    def send(self, stage_id: int = 1, content: bytes = WAV) -> str:
        """Upload a recording; its `audio_url`."""
        asked = self.ask_for_address(stage_id, bytes=len(content))
        assert asked.status_code == 201, asked.text
        made = asked.get_json()
        address = urlsplit(made["upload_url"])
        sent = self.client.put(f"{address.path}?{address.query}", data=content, content_type="audio/wav")
        assert sent.status_code == 201, sent.text
        audio_url: str = made["audio_url"]
        return audio_url

    def post(self, stage_id: Any = 1, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        return self.client.post(self.path(f"response/{stage_id}"), json=body, headers=headers)

    def record(self, stage_id: int = 1, duration_ms: Any = 200, **options: Any) -> TestResponse:
        """Upload and post, as on *Continue*."""
        return self.post(stage_id, audio_url=self.send(stage_id), duration_ms=duration_ms, status="pending", **options)

    def type(self, text: str, stage_id: int = 1, **options: Any) -> TestResponse:
        return self.post(stage_id, response_text=text, **options)

    def patch(self, stage_id: Any = 1, headers: dict[str, str] | None = None, **body: Any) -> TestResponse:
        return self.client.patch(self.path(f"response/{stage_id}"), json=body, headers=headers)

    def submit(self) -> TestResponse:
        return self.client.post(self.path("submit"))

    def progress(self) -> list[dict[str, Any]]:
        reply = self.get("progress")
        assert reply.status_code == 200, reply.text
        found: list[dict[str, Any]] = reply.get_json()
        return found

    def review(self) -> dict[str, Any]:
        reply = self.get("review")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.get_json()
        return found
