"""Feature flags: what is rolled out to a share of sessions, and can be switched off without a deploy.

Whether a flag is on for a unit depends on its name, the unit's id and the percentage alone, so that every process says
the same, and raising the percentage never takes a unit out. The percentage is the environment's (`FEATURE_FLAGS`),
unless an admin has set another one.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import structlog

from config.flags import is_percent
from services.audit import Audit
from services.errors import InvalidRequest, NotFound, Unavailable
from services.models import Caller
from services.storage.flags import FlagChange, FlagStore

log = structlog.get_logger()

# How long a switch may take to reach every process.
READ_EVERY_SECONDS = 3.0
STEPS = 10_000


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag as it stands: its percentage, that of the environment, and when another one was set."""

    name: str
    percent: float
    default_percent: float
    changed_at: datetime | None = None


class Flags:
    """Says what is on for whom, and is told of changes."""

    def __init__(self, store: FlagStore, defaults: Mapping[str, float], audit: Audit) -> None:
        self._store = store
        self._defaults = defaults
        self._audit = audit
        self._lock = threading.Lock()
        self._changes: Mapping[str, FlagChange] | None = None
        self._read_at = 0.0

    def is_on(self, name: str, unit_id: str) -> bool:
        """Whether a flag is on for a unit, such as a session.

        With the database away what was last read of it holds, else the environment.
        """
        change = self._known().get(name)
        percent = self._defaults[name] if change is None else change.percent
        return step_of(name, unit_id) < round(percent * STEPS / 100)

    def list_of(self) -> list[Flag]:
        """Every flag, as the database has it now; raises `Unavailable`."""
        changes = self._store.changes()
        return [self._flag(name, changes.get(name)) for name in self._defaults]

    def show(self, name: str) -> Flag:
        """Raises `NotFound` for a flag that there is not."""
        self._require(name)
        return self._flag(name, self._store.changes().get(name))

    def set(self, actor: Caller, name: str, percent: float) -> Flag:
        """Roll a flag out to a share of all units, everywhere within `READ_EVERY_SECONDS`; 0 switches it off."""
        self._require(name)
        if not is_percent(percent):
            raise InvalidRequest("A percentage is from 0 to 100, with two decimals at most.")
        # Before the deed: what cannot be recorded is not done.
        self._audit.record("flag.set", actor, details={"flag": name, "percent": percent})
        self._store.change(name, percent)
        self._forget()
        return self.show(name)

    def reset(self, actor: Caller, name: str) -> Flag:
        """Back to what the environment says."""
        self._require(name)
        self._audit.record("flag.reset", actor, details={"flag": name})
        self._store.take_back(name)
        self._forget()
        return self.show(name)

    def _known(self) -> Mapping[str, FlagChange]:
        """Read again by one thread while the others go on with what was known; nobody goes on with nothing."""
        if self._changes is not None and time.monotonic() - self._read_at < READ_EVERY_SECONDS:
            return self._changes
        if not self._lock.acquire(blocking=self._changes is None):
            return self._changes or {}
        try:
            if self._changes is None or time.monotonic() - self._read_at >= READ_EVERY_SECONDS:
                self._changes = self._read()
                self._read_at = time.monotonic()
            return self._changes
        finally:
            self._lock.release()

    def _read(self) -> Mapping[str, FlagChange]:
        try:
            return self._store.changes()
        except Unavailable as error:
            log.warning("The flags could not be read; they stay as they were.", reason=error.message)
            return self._changes or {}

    def _forget(self) -> None:
        """This process at once; the others read it within `READ_EVERY_SECONDS`."""
        self._read_at = 0.0

    def _flag(self, name: str, change: FlagChange | None) -> Flag:
        default = self._defaults[name]
        if change is None:
            return Flag(name, default, default)
        return Flag(name, change.percent, default, change.changed_at)

    def _require(self, name: str) -> None:
        if name not in self._defaults:
            raise NotFound("There is no such flag.", code="no_such_flag")


def step_of(name: str, unit_id: str) -> int:
    """The place of a unit on the way from 0 to 100 %, another one for each flag, so that flags are independent."""
    return int.from_bytes(sha256(f"{name}:{unit_id}".encode()).digest()[:8]) % STEPS
