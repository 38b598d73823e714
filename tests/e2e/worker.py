"""A transcription worker as `make worker` starts it, against a product that runs with Redis."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Self

from config import ROOT
from tests.processes import descendants

STOP_SECONDS = 20


class WorkerProcess:
    """scripts/worker.sh in a session of its own; `environment` is the product's settings."""

    def __init__(self, output: Path, environment: dict[str, str]) -> None:
        self._output = output
        self._environment = environment
        self.process: subprocess.Popen[bytes]

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def pids(self) -> set[int]:
        return {self.process.pid} | descendants(self.process.pid)

    def kill(self) -> None:
        """SIGKILL to all of it at once."""
        for pid in self.pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def __enter__(self) -> Self:
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                ["scripts/worker.sh"],
                cwd=ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.kill()
