"""What /proc says of a process and of those it has started."""

import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds."""

    threads: int
    descriptors: int
    resident_mb: float

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.threads + other.threads,
            self.descriptors + other.descriptors,
            self.resident_mb + other.resident_mb,
        )


def descendants(pid: int) -> list[int]:
    """Every process that this one, or one of those, has started and that has not ended."""
    found: list[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, thread.read_text().split()):
                found += [child, *descendants(child)]
    return found


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits to be reaped does not."""
    return _state(pid) not in ("Z", "X", "")


def description(pid: int) -> str:
    """The process's number, its state, its parent and the command it runs."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    except OSError:
        return f"{pid} (gone)"
    return f"{pid} ({state}, child of {parent}): {words[-120:]}"


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Signal each one that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def usage_of(pids: Iterable[int]) -> Usage:
    """The sum over these processes; those that have ended count nothing."""
    total = Usage(0, 0, 0.0)
    for pid in pids:
        with suppress(OSError):
            total += _usage(pid)
    return total


def _usage(pid: int) -> Usage:
    directory = Path(f"/proc/{pid}")
    resident = int((directory / "statm").read_text().split()[1]) * PAGE_BYTES / 2**20
    threads = len(list((directory / "task").iterdir()))
    return Usage(threads, len(list((directory / "fd").iterdir())), round(resident, 1))


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
