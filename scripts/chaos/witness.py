"""The inside view: every change of every answer as the database tells it, to see what no end state shows."""

import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pymongo
from pymongo.database import Database
from pymongo.errors import PyMongoError

PIPELINE = [{"$project": {"operationType": 1, "documentKey": 1, "updateDescription": 1, "clusterTime": 1}}]
PAUSE_SECONDS = 0.3


@dataclass(slots=True)
class Life:
    """What one answer went through."""

    session_id: str
    question_id: str
    answer_id: str
    sha256: str | None = None
    states: list[str] = field(default_factory=list)

    @property
    def completions(self) -> int:
        """Transcripts that were accepted since the last retry by hand."""
        last_retry = max((at for at, state in enumerate(self.states) if self._is_retry(at, state)), default=0)
        return self.states[last_retry:].count("completed")

    def _is_retry(self, at: int, state: str) -> bool:
        return state == "queued" and at > 0 and self.states[at - 1] in ("failed", "cancelled")


class Witness(threading.Thread):
    """Follows the sessions' change stream through every restart of the database."""

    def __init__(self, stored: Database[dict[str, Any]]) -> None:
        super().__init__(name="witness", daemon=True)
        self.lives: dict[str, Life] = {}
        self.resurrected: list[str] = []
        self.gaps = 0
        self._sessions = stored["interview_sessions"]
        self._current: dict[tuple[str, str], str] = {}
        self._deleted: set[str] = set()
        self._over = threading.Event()
        self._token: Mapping[str, Any] | None = None
        self.is_watching = threading.Event()
        self.events_of: dict[str, int] = defaultdict(int)

    def stop(self) -> None:
        self._over.set()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                with (
                    pymongo.timeout(None),
                    self._sessions.watch(PIPELINE, resume_after=self._token, max_await_time_ms=300) as stream,
                ):
                    self.is_watching.set()
                    while stream.alive and not self._over.is_set():
                        if (change := stream.try_next()) is not None:
                            self.see(change)
                        self._token = stream.resume_token
            except PyMongoError as error:
                if "resume" in str(error).lower() or "ChangeStreamHistoryLost" in str(error):
                    self.gaps, self._token = self.gaps + 1, None
                self._over.wait(PAUSE_SECONDS)

    def see(self, change: Mapping[str, Any]) -> None:
        """Take one event of the stream into account."""
        session_id, kind = change["documentKey"]["_id"], change["operationType"]
        self.events_of[session_id] += 1
        if kind == "delete":
            self._deleted.add(session_id)
            return
        if session_id in self._deleted:
            self.resurrected.append(session_id)
        updated = (change.get("updateDescription") or {}).get("updatedFields", {})
        for path, value in sorted(updated.items(), key=lambda item: item[0].count(".")):
            self._see_field(session_id, path, value)

    def _see_field(self, session_id: str, path: str, value: Any) -> None:
        names = path.split(".")
        if path == "answers" and isinstance(value, dict):
            for question_id, answer in value.items():
                self._see_answer(session_id, question_id, answer)
        elif names[0] == "answers" and len(names) == 2 and isinstance(value, dict):
            self._see_answer(session_id, names[1], value)
        elif names[0] == "answers" and names[2:] == ["transcription_status"]:
            answer_id = self._current.get((session_id, names[1]))
            if answer_id is not None:
                self.lives[answer_id].states.append(str(value))
        elif names[0] == "answers" and names[2:] == ["id"]:
            self._see_answer(session_id, names[1], {"id": value})

    def _see_answer(self, session_id: str, question_id: str, answer: Mapping[str, Any]) -> None:
        if "id" not in answer:
            return
        answer_id = answer["id"]
        self._current[session_id, question_id] = answer_id
        life = self.lives.setdefault(answer_id, Life(session_id, question_id, answer_id))
        life.sha256 = answer.get("sha256", life.sha256)
        if "transcription_status" in answer:
            life.states.append(str(answer["transcription_status"]))
