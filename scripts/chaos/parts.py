"""One part of the product under test: a server of ours that can be killed, frozen, starved and started again."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from config import ROOT
from scripts.chaos.process_tree import Usage, descendants, description, is_alive, send, usage_of
from scripts.child_process import kill_session, start_child

GUNICORN = (sys.executable, "-m", "gunicorn", "--config", "gunicorn.conf.py", "wsgi:app")
WORKER = ("scripts/worker.sh",)


class Server(Protocol):
    """What starts and ends a part's process."""

    @property
    def pid(self) -> int | None: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Program:
    """A web or worker process with a log of its own."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        with self._log.open("ab") as output:
            self._process = start_child(self._command, output=output, cwd=ROOT, env={**os.environ, **self._environment})

    def stop(self) -> None:
        if self._process is not None:
            kill_session(self._process)


class Part:
    """A server by its name. Signals go to it and to everything it started, as a stopped container would see them."""

    def __init__(self, name: str, server: Server, note: Callable[[str], None] = lambda _: None) -> None:
        self.name = name
        self._note = note
        self.is_frozen = False
        # Down on purpose: nobody is to start it again yet.
        self.is_kept_down = False
        self._server = server
        self._seen: set[int] = set()

    @property
    def pid(self) -> int | None:
        pid = self._server.pid
        return pid if pid is not None and is_alive(pid) else None

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    def tree(self) -> list[int]:
        """Its process and all below."""
        pid = self.pid
        return [] if pid is None else [pid, *descendants(pid)]

    def start(self) -> None:
        self.is_frozen = False
        self._note(f"{self.name} starts")
        self._server.start()

    def kill(self) -> None:
        """SIGKILL to all of it at once."""
        self._note(f"{self.name} is killed")
        self._signal(signal.SIGKILL)
        self._server.stop()

    def kill_one(self, index: int) -> None:
        """SIGKILL to one of its processes only; the others have to notice."""
        tree = self.tree()
        self._seen |= set(tree)
        if tree:
            pid = tree[index % len(tree)]
            self._note(f"{self.name} loses {description(pid)}")
            send([pid], signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM, as a rolling restart sends it."""
        if (pid := self.pid) is not None:
            self._note(f"{self.name} is told to stop")
            self._seen |= set(self.tree())
            send([pid], signal.SIGTERM)

    def freeze(self) -> None:
        self._note(f"{self.name} is frozen")
        self._signal(signal.SIGSTOP)
        self.is_frozen = True

    def thaw(self) -> None:
        if self.is_frozen:
            self._note(f"{self.name} goes on")
        self._signal(signal.SIGCONT)
        self.is_frozen = False

    def stop(self) -> None:
        """End it for good, with all it started."""
        self._signal(signal.SIGCONT)
        self._server.stop()
        send(self.left_behind(), signal.SIGKILL)

    def left_behind(self) -> list[int]:
        """Processes of an earlier life that should have ended with it."""
        current = set(self.tree())
        self._seen = {pid for pid in self._seen - current if is_alive(pid)}
        return sorted(self._seen)

    def usage(self) -> Usage:
        return usage_of(self.tree())

    def _signal(self, number: signal.Signals) -> None:
        tree = self.tree()
        self._seen |= set(tree)
        send(tree, number)
