"""How long an answer waits for another worker when its own was killed or frozen."""

import threading
import time
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

POLL_SECONDS = 0.25
GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Held:
    """An answer under a worker's lease."""

    session_id: str
    question_id: str
    token: str


class Reclaims(threading.Thread):
    """Watches the leases of workers that were taken away until somebody else has them."""

    def __init__(self, stored: Database[dict[str, Any]]) -> None:
        super().__init__(name="reclaims", daemon=True)
        self.seconds: list[float] = []
        self.given_up = 0
        self._sessions = stored["interview_sessions"]
        self._watched: dict[Held, float] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()

    def stop(self) -> None:
        self._over.set()

    def held_by(self, holder: str) -> list[Held]:
        """What stands under leases of this holder now; empty while the database is away."""
        try:
            found = list(self._sessions.find({"open.holder": {"$regex": f"{holder}$"}}, {"answers": 1}))
        except PyMongoError:
            return []
        return [
            Held(session["_id"], question_id, answer["lease"]["token"])
            for session in found
            for question_id, answer in session.get("answers", {}).items()
            if answer.get("lease", {}).get("holder", "").endswith(holder)
        ]

    def watch(self, held: list[Held]) -> None:
        with self._lock:
            self._watched |= {each: time.monotonic() for each in held}

    def run(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            for each, since in list(self._watched.items()):
                self._look(each, since)

    def _look(self, held: Held, since: float) -> None:
        path = f"answers.{held.question_id}.lease.token"
        try:
            is_held = self._sessions.find_one({"_id": held.session_id, path: held.token}, {"_id": 1}) is not None
        except PyMongoError:
            return
        waited = time.monotonic() - since
        if is_held and waited < GIVE_UP_SECONDS:
            return
        with self._lock:
            del self._watched[held]
        if is_held:
            self.given_up += 1
        else:
            self.seconds.append(waited)
