"""A mentor's client as it is written elsewhere: it has the link's token, and follows the stream of its stages."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

PATIENCE_SECONDS = 90


@dataclass
class Stages:
    """What a stream has told; `last_event_id` is what to come back with."""

    lines: Iterator[str]
    told: list[dict[str, Any]] = field(default_factory=list)
    last_event_id: str = ""

    def until(self, stage_id: int, status: str) -> Self:
        """Read on until this is told."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        wanted = {"stage_id": stage_id, "status": status}
        while wanted not in self.told:
            line = next(self.lines)
            assert time.monotonic() < deadline, f"{wanted} not within {PATIENCE_SECONDS} s: {self.told}"
            if line.startswith("id: "):
                self.last_event_id = line.removeprefix("id: ")
            elif line.startswith("data: "):
                self.told.append(json.loads(line.removeprefix("data: ")))
        return self


@dataclass(frozen=True)
class MentorClient:
    """Answers the stages of one interview; shows the token of its link and nothing else."""

    client: httpx.Client
    token: str

    def path(self, rest: str) -> str:
        return f"/api/mentor-interview/{self.token}/{rest}"

    def record(self, stage_id: int, content: bytes, content_type: str) -> dict[str, Any]:
        """What *Continue* does: upload, and say so."""
        wanted = {"token": self.token, "stage_id": stage_id, "content_type": content_type, "bytes": len(content)}
        made = self.client.post("/api/upload-url", json=wanted).raise_for_status().json()
        headers = {"Content-Type": content_type}
        self.client.put(made["upload_url"], content=content, headers=headers).raise_for_status()
        body = {"audio_url": made["audio_url"], "duration_ms": 45_000, "status": "pending"}
        posted = self.client.post(self.path(f"response/{stage_id}"), json=body)
        assert posted.status_code == 202, posted.text
        response: dict[str, Any] = posted.json()
        return response

    def type(self, stage_id: int, text: str) -> None:
        posted = self.client.post(self.path(f"response/{stage_id}"), json={"response_text": text})
        assert posted.status_code == 201, posted.text

    def read(self, rest: str) -> Any:
        return self.client.get(self.path(rest)).raise_for_status().json()

    def statuses(self) -> dict[int, str]:
        return {each["stage_id"]: each["status"] for each in self.read("progress")}

    @contextmanager
    def stream(self, last_event_id: str | None = None) -> Iterator[Stages]:
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        with self.client.stream("GET", self.path("stream"), headers=headers) as response:
            response.raise_for_status()
            yield Stages(response.iter_lines())


@contextmanager
def mentor_of(owner: httpx.Client, stages: int) -> Iterator[MentorClient]:
    """In a new interview with so many stages."""
    questions = [{"id": f"q{number}", "prompt": "Tell me something."} for number in range(1, stages + 1)]
    reply = owner.post("/api/sessions", json={"language": "en", "questions": questions}).raise_for_status()
    with httpx.Client(base_url=owner.base_url, timeout=30, trust_env=False) as client:
        yield MentorClient(client, reply.json()["link"].rpartition("token=")[2])
