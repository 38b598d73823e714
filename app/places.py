"""How many live connections there may be: in the process, since each holds a thread, and to one session."""

import threading
from collections import Counter


class Places:
    """Places for live connections."""

    def __init__(self, in_all: int, per_session: int) -> None:
        self.free = in_all
        self._per_session = per_session
        self._taken: Counter[str] = Counter()
        self._lock = threading.Lock()

    def take(self, session_id: str) -> bool:
        """Whether there was one."""
        with self._lock:
            if self.free == 0 or self._taken[session_id] >= self._per_session:
                return False
            self.free -= 1
            self._taken[session_id] += 1
            return True

    def give_back(self, session_id: str) -> None:
        with self._lock:
            self.free += 1
            self._taken[session_id] -= 1
            if not self._taken[session_id]:
                del self._taken[session_id]
