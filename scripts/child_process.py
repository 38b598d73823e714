"""Servers started as our children: they never outlive us, and only we stop them."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

# A launcher instead of preexec_fn: nothing of ours runs between fork and exec, where other threads' locks may be held.
LAUNCHER = Path(__file__).with_name("die_with_parent.py")


def start_child(
    command: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a server that ends with us; call it from the main thread, whose end the kernel takes for ours.

    It gets a session of its own, so that Ctrl-C on the terminal reaches only us and we can stop things in order.
    """
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), *command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        cwd=cwd,
        env=env,
        start_new_session=True,
        pass_fds=pass_fds,
    )


def stop_child(process: subprocess.Popen[bytes], patience_seconds: float) -> None:
    """Ask the child to end, and end it when it has not done so in time."""
    process.terminate()
    try:
        process.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started, at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
