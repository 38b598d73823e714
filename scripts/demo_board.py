"""Where the demo's answers stand, as the socket tells it, and when each step was heard of."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from simple_websocket import ConnectionClosed
from simple_websocket import ConnectionError as SocketRefused

from scripts.live_client import LiveClient

TERMINAL = ("completed", "failed", "cancelled")
LISTEN_SECONDS = 1.0


@dataclass
class Standing:
    """One answer. Times are of this machine's monotonic clock, None for what has not happened."""

    question_id: str
    status: str = "recorded"
    percent: int = 0
    upload_seconds: float | None = None
    accepted_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    text: str = ""
    confidence: float | None = None
    needs_review: bool = False

    @property
    def queue_seconds(self) -> float | None:
        return _between(self.accepted_at, self.started_at)

    @property
    def transcribe_seconds(self) -> float | None:
        return _between(self.started_at, self.ended_at)


class Board:
    """Follows one session in a thread; calls `on_change` with each answer that changed."""

    def __init__(self, question_ids: Iterable[str], on_change: Callable[[Standing], None]) -> None:
        self.standings = {question_id: Standing(question_id) for question_id in question_ids}
        self.heard_at = time.monotonic()
        self._on_change = on_change
        self._is_closed = threading.Event()

    def follow(self, url: str, session_id: str, token: str) -> None:
        """Start to listen; a lost connection is opened again, and its snapshot tells what was missed."""
        connect = lambda: LiveClient(url, session_id, token)  # noqa: E731
        threading.Thread(target=self._listen, args=(connect,), daemon=True).start()

    def close(self) -> None:
        self._is_closed.set()

    def uploaded(self, question_id: str, seconds: float) -> None:
        """Note an accepted upload."""
        standing = self.standings[question_id]
        standing.upload_seconds, standing.accepted_at = seconds, time.monotonic()

    def _listen(self, connect: Callable[[], LiveClient]) -> None:
        while not self._is_closed.is_set():
            try:
                client = connect()
                while not self._is_closed.is_set():
                    message = client.next(LISTEN_SECONDS)
                    if message is not None:
                        self._hear(message)
                client.close()
            except (ConnectionClosed, SocketRefused, OSError):
                self._is_closed.wait(LISTEN_SECONDS)

    def _hear(self, message: dict[str, Any]) -> None:
        now = time.monotonic()
        self.heard_at = now
        for answer in message["answers"] if message["type"] == "snapshot" else [message]:
            standing = self.standings[answer["question_id"]]
            standing.status = answer["status"]
            standing.percent = (answer.get("progress") or {}).get("percent", 0)
            # What was heard so far, and in the end all of it.
            standing.text = answer.get("transcript") or answer.get("partial_transcript") or ""
            standing.confidence = answer.get("confidence")
            standing.needs_review = bool(answer.get("needs_review"))
            standing.error = (answer.get("error") or {}).get("message")
            if standing.status != "queued" and standing.started_at is None:
                standing.started_at = now
            if standing.status in TERMINAL and standing.ended_at is None:
                standing.ended_at, standing.percent = now, 100
            self._on_change(standing)


def _between(earlier: float | None, later: float | None) -> float | None:
    return None if earlier is None or later is None else max(0.0, later - earlier)
