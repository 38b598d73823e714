"""Servers started as our children: they never outlive us, and only we stop them."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # prctl(2)
# Loaded before any fork: between fork and exec a child should do as little as possible.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM to this process when the thread that forked it ends, however it ends (Linux)."""
    if _LIBC is not None:
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent_pid:  # it ended before the kernel was told
            os._exit(1)


def start_child(
    command: Sequence[str],
    *,
    output: IO[bytes] | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server that ends with us; call it from the main thread, whose end the kernel takes for ours.

    It gets a session of its own, so that Ctrl-C on the terminal reaches only us and we can stop things in order.
    """
    parent_pid = os.getpid()
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output else None,
        cwd=cwd,
        env=env,
        start_new_session=True,
        preexec_fn=lambda: die_with_parent(parent_pid),  # noqa: PLW1509 (called from a main thread without locks)
    )


def stop_child(process: subprocess.Popen[bytes], patience_seconds: float) -> None:
    """Ask the child to end, and end it when it has not done so in time."""
    with suppress(ProcessLookupError):
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
