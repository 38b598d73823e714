"""What the candidates did and what they were told: the outside view that the database is held against."""

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Take:
    """One recording of an answer, sent under one key until it was acknowledged."""

    key: str
    session_id: str
    question_id: str
    sha256: str
    text: str
    answer_ids: list[str] = field(default_factory=list)

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.answer_ids)


@dataclass(slots=True)
class Edit:
    """A text that a person put in the place of a transcript; unacknowledged, it may have been stored or not."""

    answer_id: str
    text: str
    is_acknowledged: bool = False


@dataclass(slots=True)
class Interview:
    """One session as its candidate knows it."""

    session_id: str
    takes: list[Take] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    cancels: set[str] = field(default_factory=set)
    erase_begun: bool = False
    erased: bool = False

    def takes_of(self, question_id: str) -> list[Take]:
        return [take for take in self.takes if take.question_id == question_id]

    def question_ids(self) -> list[str]:
        return list(dict.fromkeys(take.question_id for take in self.takes))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answered request: what was asked, when (monotonic seconds), how long it took, and the status."""

    what: str
    began: float
    seconds: float
    status: int


class Ledger:
    """Shared by all candidates. Each interview belongs to one of them, which alone changes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.interviews: dict[str, Interview] = {}
        self.replies: list[Reply] = []
        self.surprises: list[str] = []
        self.counts: dict[str, int] = {}

    def open(self, session_id: str) -> Interview:
        interview = Interview(session_id)
        with self._lock:
            self.interviews[session_id] = interview
        return interview

    def note(self, reply: Reply) -> None:
        with self._lock:
            self.replies.append(reply)

    def count(self, what: str) -> None:
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + 1

    def surprise(self, what: str) -> None:
        """Something a reply should never have said."""
        with self._lock:
            self.surprises.append(what)

    def takes(self) -> list[Take]:
        with self._lock:
            return [take for interview in self.interviews.values() for take in interview.takes]
