"""A person in an interview, over HTTP and WebSocket."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import httpx

from scripts.live_client import LiveClient

TERMINAL = ("completed", "failed", "cancelled")
# Transcribing a minute or two on a busy machine.
PATIENCE_SECONDS = 60

Answer = dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """Answers the questions of one interview."""

    client: httpx.Client
    session_id: str

    @classmethod
    def start(cls, client: httpx.Client, question_ids: list[str]) -> Self:
        """Begin an interview with questions of these ids."""
        questions = [{"id": question_id, "prompt": "Tell me something."} for question_id in question_ids]
        reply = client.post("/api/sessions", json={"language": "en", "questions": questions}).raise_for_status()
        return cls(client, reply.json()["id"])

    def upload(self, question_id: str, name: str, content: bytes) -> Answer:
        """Answer a question; the receipt."""
        reply = self.client.post(
            f"/api/upload-answer/{self.session_id}/{question_id}", files={"audio": (name, content)}
        )
        assert reply.status_code == 202, reply.text
        receipt: Answer = reply.json()
        return receipt

    def live(self) -> LiveClient:
        token = self.client.headers["Authorization"].removeprefix("Bearer ")
        return LiveClient(str(self.client.base_url), self.session_id, token)

    def answers(self) -> dict[str, Answer]:
        """The status of every answer by its question."""
        reply = self.client.get(f"/api/transcription-status/{self.session_id}").raise_for_status()
        return {answer["question_id"]: answer for answer in reply.json()["answers"]}

    def wait_for_all(self) -> dict[str, Answer]:
        """The answers once all have ended, as the socket tells it."""
        live = self.live()
        messages = listen(live, all_ended)
        live.close()
        return latest_of(messages)

    def analyze(self) -> httpx.Response:
        return self.client.post(f"/api/analyze/{self.session_id}")


def all_ended(latest: dict[str, Answer]) -> bool:
    return bool(latest) and all(answer["status"] in TERMINAL for answer in latest.values())


def listen(live: LiveClient, is_enough: Callable[[dict[str, Answer]], bool]) -> list[dict[str, Any]]:
    """Every message until the answers as told by them satisfy the condition; fails after a deadline."""
    messages: list[dict[str, Any]] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not messages or not is_enough(latest_of(messages)):
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS} s: {latest_of(messages)}"
        message = live.next(1)
        if message is not None:
            messages.append(message)
    return messages


def latest_of(messages: list[dict[str, Any]]) -> dict[str, Answer]:
    """The last that was told of each question, in the words of its status."""
    told = [answer for message in messages for answer in message.get("answers", [message])]
    about_the_message = ("type", "seq")
    return {
        answer["question_id"]: {name: value for name, value in answer.items() if name not in about_the_message}
        for answer in told
    }
