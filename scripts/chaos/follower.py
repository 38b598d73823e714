"""A socket that is cut all the time: follows one session and keeps what it was told last."""

import threading
import time
from collections.abc import Callable
from typing import Any

from simple_websocket import ConnectionClosed
from simple_websocket import ConnectionError as ConnectionRefused
from wsproto.utilities import ProtocolError

from scripts.live_client import LiveClient

PAUSE_SECONDS = 0.1
QUIET_SECONDS = 4.0
TERMINAL = ("completed", "failed", "cancelled")


class Follower(threading.Thread):
    """Reconnects until stopped. A session that is gone ends it."""

    def __init__(self, url: str, session_id: str, token: str) -> None:
        super().__init__(name=f"follow-{session_id}", daemon=True)
        self.session_id = session_id
        self.seq = -1
        self.answers: dict[str, dict[str, Any]] = {}
        self.went_back = 0
        # (when, seconds from connecting to the snapshot)
        self.catch_ups: list[tuple[float, float]] = []
        self._address = (url, session_id, token)
        self._is_retired = False
        self._heard_at = 0.0
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def retire(self) -> None:
        """Nobody changes the session any more: follow until every answer has ended and nothing more is heard."""
        self._heard_at = time.monotonic()
        self._is_retired = True

    def has(self, is_so: Callable[[dict[str, dict[str, Any]]], bool], seconds: float) -> bool:
        """Whether what was told satisfies the condition within the time."""
        deadline = time.monotonic() + seconds
        while not is_so(dict(self.answers)):
            if time.monotonic() > deadline or self._over.is_set():
                return False
            time.sleep(0.05)
        return True

    def run(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            try:
                live = LiveClient(*self._address)
            except (OSError, ConnectionRefused, ConnectionClosed, ProtocolError):
                self._over.wait(PAUSE_SECONDS)
                continue
            try:
                if self._listen(live, began):
                    return
            except (OSError, ConnectionClosed, ProtocolError):
                self._over.wait(PAUSE_SECONDS)
            finally:
                _close(live)

    def _listen(self, live: LiveClient, began: float) -> bool:
        """Until it is cut, or all is said: True. Whoever cannot connect does not know whether anything is left."""
        is_first = True
        while not self._over.is_set():
            message = live.next(0.5)
            if message is not None:
                if is_first:
                    self.catch_ups.append((began, time.monotonic() - began))
                    is_first = False
                self._take(message)
            elif not live.connected:
                return False
            elif not is_first and self._is_done():
                return True
        return False

    def _is_done(self) -> bool:
        is_quiet = time.monotonic() - self._heard_at > QUIET_SECONDS
        return self._is_retired and is_quiet and all_ended(self.answers)

    def _take(self, message: dict[str, Any]) -> None:
        self._heard_at = time.monotonic()
        if message["type"] == "snapshot":
            if message["seq"] < self.seq:
                self.went_back += 1
                return
            self.answers = {each["question_id"]: each for each in message["answers"]}
        elif message["type"] == "answer" and message["seq"] > self.seq:
            self.answers = {**self.answers, message["question_id"]: message}
        self.seq = max(self.seq, message.get("seq", -1))


def all_ended(answers: dict[str, dict[str, Any]]) -> bool:
    return bool(answers) and all(each["status"] in TERMINAL for each in answers.values())


def _close(live: LiveClient) -> None:
    try:
        live.close()
    except (OSError, ConnectionClosed, ProtocolError):
        return
