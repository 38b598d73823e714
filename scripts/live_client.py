"""A client of the live updates: the WebSocket's messages as dictionaries."""

import json
import threading
from typing import Any
from urllib.parse import urlsplit

from simple_websocket import Client


class _Receiver(threading.Thread):
    """simple-websocket's receiver, as a daemon: it must not keep an ending program alive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(daemon=True, **options)


class PromptClient(Client):  # type: ignore[misc]
    """simple-websocket's client, without the wait for a second message before the first one is told."""

    def _thread(self) -> None:
        # What came with the reply to the handshake, which the library leaves until something else comes.
        self.connected = self._handle_events()
        super()._thread()


class LiveClient(PromptClient):
    """Follows one session with a bearer token; raises simple-websocket's `ConnectionError` when refused."""

    def __init__(self, url: str, session_id: str, token: str) -> None:
        address = f"ws://{urlsplit(url).netloc}/ws/sessions/{session_id}"
        super().__init__(address, headers={"Authorization": f"Bearer {token}"}, thread_class=_Receiver)

    def next(self, timeout_seconds: float) -> dict[str, Any] | None:
        """The next message, or None when none came in time; raises `ConnectionClosed` at the end."""
        text = self.receive(timeout=timeout_seconds)
        if text is None:
            return None
        message: dict[str, Any] = json.loads(text)
        return message
