"""Lets a process end with the one that started it, however that ends.

Run as a program (`die_with_parent.py PARENT_PID COMMAND …`) it becomes the command, which keeps the arrangement.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # prctl(2)
EXIT_NOT_FOUND = 127  # as shells have it


def die_with_parent(parent_pid: int) -> None:
    """Have the kernel send SIGTERM to this process when the thread that forked it ends (Linux; nothing elsewhere)."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the kernel was told
        os._exit(1)


def main() -> None:
    parent_pid, *command = sys.argv[1:]
    die_with_parent(int(parent_pid))
    try:
        os.execvp(command[0], command)  # noqa: S606 (that is what it is for)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(EXIT_NOT_FOUND)


if __name__ == "__main__":
    main()
