"""A run in which nothing went wrong: each test spoils one thing in it."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from scripts.chaos.accounting import Accounts, account, stale_sockets
from scripts.chaos.aftermath import Aftermath
from scripts.chaos.ledger import Interview, Ledger, Take
from scripts.chaos.witness import Life

SPOKEN = "i led a team"


@dataclass
class Story:
    """One interview with one completed answer, as its candidate, the database and the witness know it."""

    ledger: Ledger = field(default_factory=Ledger)
    aftermath: Aftermath = field(default_factory=Aftermath)
    lives: dict[str, Life] = field(default_factory=dict)
    told: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)

    @property
    def interview(self) -> Interview:
        return self.ledger.interviews["s1"]

    @property
    def answer(self) -> dict[str, Any]:
        found: dict[str, Any] = self.aftermath.sessions["s1"]["answers"]["q1"]
        return found

    def take(self, name: str, *, is_acknowledged: bool = True) -> Take:
        """One more recording of the answer by its candidate."""
        take = Take(f"key-{name}", "s1", "q1", f"sha-{name}", SPOKEN, [f"answer-{name}"] if is_acknowledged else [])
        self.interview.takes.append(take)
        return take

    def store(self, name: str) -> None:
        """Let that recording be the completed answer."""
        states = ["queued", "processing", "completed"]
        self.lives[name] = Life("s1", "q1", f"answer-{name}", f"sha-{name}", states)
        answer = {
            "id": f"answer-{name}",
            "sha256": f"sha-{name}",
            "transcription_status": "completed",
            "transcript": SPOKEN,
            "gridfs_file_id": None,
        }
        self.aftermath.sessions["s1"] = {"_id": "s1", "questions": [{"id": "q1"}], "answers": {"q1": answer}}
        self.aftermath.transcripts = [{"answer_id": f"answer-{name}", "session_id": "s1", "revision": 1}]
        told = {"answer_id": f"answer-{name}", "status": "completed", "transcript": SPOKEN}
        self.told = {"s1": {"q1": told}}

    def judge(self) -> Accounts:
        return account(self.ledger, self.aftermath, list(self.lives.values()), lambda heard, text: heard == text)

    def findings(self) -> set[str]:
        return set(self.judge().findings)

    def stale(self) -> list[str]:
        return stale_sockets(self.aftermath, self.told)


@pytest.fixture
def story() -> Story:
    told = Story()
    told.ledger.open("s1")
    told.take("a")
    told.store("a")
    return told
