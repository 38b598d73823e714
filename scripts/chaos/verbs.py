"""What a candidate's screen and an admin's page ask of the API, tried again until there is an answer."""

import random
import threading
import time
from typing import Any

import httpx

from scripts.chaos.ledger import Edit, Ledger, Reply, Take

TIMEOUT_SECONDS = 12.0
PAUSE_SECONDS = 0.3
# What a client tries again: nothing was done, or it is still being done.
AGAIN = (409, 429, 503)


class GaveUp(Exception):
    """Raised when the run is over and there is still no answer."""


class Verbs:
    """Requests of one person; every reply is noted. A 5xx other than 503 is a surprise."""

    def __init__(self, urls: list[str], token: str, ledger: Ledger, chance: random.Random) -> None:
        self.ledger = ledger
        self._chance = chance
        self._over = threading.Event()
        headers = {"Authorization": f"Bearer {token}"}
        self._clients = [httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT_SECONDS) for url in urls]

    def give_up(self) -> None:
        """Let every call that is being repeated end with `GaveUp`."""
        self._over.set()

    def once(self, what: str, method: str, path: str, **content: Any) -> httpx.Response | None:
        """One request to one of the listeners; None where there was no reply."""
        client, began = self._chance.choice(self._clients), time.monotonic()
        try:
            reply = client.request(method, path, **content)
        except (httpx.HTTPError, OSError):
            self.ledger.note(Reply(what, began, time.monotonic() - began, 0))
            return None
        self.ledger.note(Reply(what, began, time.monotonic() - began, reply.status_code))
        if reply.status_code >= 500 and reply.status_code != 503:
            self.ledger.surprise(f"{what} was answered {reply.status_code}: {reply.text[:200]}")
        return reply

    def until(self, what: str, method: str, path: str, **content: Any) -> httpx.Response:
        """Repeat until there is a reply that says what became of it."""
        while not self._over.is_set():
            reply = self.once(what, method, path, **content)
            if reply is not None and reply.status_code < 500 and reply.status_code not in AGAIN:
                return reply
            if reply is not None and reply.status_code == 409 and not _is_in_flight(reply):
                return reply
            self._over.wait(PAUSE_SECONDS)
        raise GaveUp

    def start(self, key: str, question_ids: list[str]) -> str:
        """The id of a new session."""
        questions = [{"id": each, "prompt": "Tell me something."} for each in question_ids]
        body = {"language": "en", "questions": questions}
        reply = self.until("start", "POST", "/api/sessions", json=body, headers={"Idempotency-Key": key})
        if reply.status_code != 201:
            self.ledger.surprise(f"starting a session was answered {reply.status_code}: {reply.text[:200]}")
            raise GaveUp
        session_id: str = reply.json()["id"]
        return session_id

    def upload(self, take: Take, content: bytes, *, once: bool = False) -> None:
        """Send a take until it is acknowledged (or, with `once`, one time)."""
        ask = self.once if once else self.until
        reply = ask(
            "upload",
            "POST",
            f"/api/upload-answer/{take.session_id}/{take.question_id}",
            files={"audio": ("answer.wav", content, "audio/wav")},
            headers={"Idempotency-Key": take.key},
        )
        if reply is None or reply.status_code in (*AGAIN, 404):
            return
        if reply.status_code != 202:
            self.ledger.surprise(f"an upload was answered {reply.status_code}: {reply.text[:200]}")
            return
        receipt = reply.json()
        take.answer_ids.append(receipt["answer_id"])
        if receipt["sha256"] != take.sha256:
            self.ledger.surprise("a receipt names other bytes than were sent")

    def edit(self, session_id: str, question_id: str, edit: Edit) -> bool:
        """Put a text in a transcript's place; False where that was refused and so did not happen."""
        seen = self.once("status", "GET", f"/api/transcription-status/{session_id}/{question_id}")
        if seen is None or seen.status_code != 200 or seen.json()["answer_id"] != edit.answer_id:
            return False
        path = f"/api/sessions/{session_id}/answers/{question_id}/transcript"
        headers = {"If-Match": seen.headers.get("ETag", "none")}
        reply = self.once("edit", "PUT", path, json={"text": edit.text}, headers=headers)
        edit.is_acknowledged = reply is not None and reply.status_code == 200
        # Without a reply, or with a 5xx, it may have happened all the same.
        return reply is None or edit.is_acknowledged or reply.status_code >= 500

    def decide(self, verb: str, answer_id: str) -> bool:
        """Cancel or retry as an admin; False where the answer's state stands against it."""
        reply = self.until(verb, "POST", f"/api/admin/answers/{answer_id}/{verb}")
        if reply.status_code not in (200, 202, 204, 404, 409):
            self.ledger.surprise(f"{verb} was answered {reply.status_code}: {reply.text[:200]}")
        return reply.is_success

    def erase(self, session_id: str) -> bool:
        """Whether the session is gone."""
        reply = self.until("erase", "DELETE", f"/api/sessions/{session_id}")
        if reply.status_code not in (200, 204, 404):
            self.ledger.surprise(f"erasing was answered {reply.status_code}: {reply.text[:200]}")
        return reply.status_code in (200, 204, 404)


def _is_in_flight(reply: httpx.Response) -> bool:
    try:
        return bool(reply.json().get("retryable"))
    except ValueError:
        return False
