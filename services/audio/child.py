"""What a forked child does: it gives up whatever it does not need, decodes one recording, and ends."""

import ctypes
import fcntl
import json
import mmap
import os
import resource
import signal
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from services.audio.decoder import Damage, decoded_blocks
from services.audio.fork_protocol import OUTCOME_BYTES
from services.errors import RecordingRejected

# More than decoding any real recording takes, at any length: samples leave the child as they come.
MEMORY_BYTES = 88 * 1024 * 1024
# Measured: 0.002 s for a second of Opus or AAC.
CPU_SECONDS = 10
CPU_SECONDS_PER_SECOND = 0.05
# No child has more files than this to close: its server may not open more.
MOST_FILES = 256
PR_SET_PDEATHSIG = 1  # this and the next: prctl(2)
PR_SET_NO_NEW_PRIVS = 38

# Loaded before any fork: loading a library is nothing a child could do.
_prctl: Callable[..., int] | None = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def run(recording: int, outcome: int, samples: int, *, max_seconds: float, server_pid: int) -> NoReturn:
    """Decode the recording and send its samples; end the process with 0, or 1 where it was not decoded."""
    status = 1
    try:
        _keep_only(recording, outcome, samples)
        _limit_itself(max_seconds)
        _end_with(server_pid)
        status = _decode(max_seconds)
    finally:
        # Whatever happened, and without a farewell: everything above this frame belongs to the server.
        os._exit(status)


def _decode(max_seconds: float) -> int:
    recording, samples = cast(BinaryIO, FileIO(0)), FileIO(1, "w")
    damage = Damage()
    try:
        for block in decoded_blocks(recording, damage, max_seconds=max_seconds):
            _send(samples, block.data.cast("B"))
        said: dict[str, object] = {"bad_packets": damage.bad_packets, "broke_off": damage.broke_off}
    except RecordingRejected as rejected:
        said = {"code": rejected.code, "message": rejected.message}
    except BaseException as error:  # noqa: BLE001 - nobody is above us who could hear of it
        said = {"error": type(error).__name__}
    FileIO(3, "w").write(json.dumps(said).encode() + b"\n")
    return int("error" in said)


def _send(samples: FileIO, block: memoryview) -> None:
    """Waits, without using any time, while nobody reads; fails when nobody will."""
    while block:
        block = block[samples.write(block) :]


def _keep_only(recording: int, outcome: int, samples: int) -> None:
    """The recording becomes 0, the samples 1, the outcome 3. What FFmpeg or libc says of a file is noise."""
    signal.set_wakeup_fd(-1)
    for signum in (signal.SIGCHLD, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)
    noise = os.dup(1)
    # Out of the way first: what they were sent as may be a number that one of them is to have.
    recording, outcome, samples = (_above(file) for file in (recording, outcome, samples))
    for number, file in enumerate((recording, samples, noise, outcome)):
        os.dup2(file, number)
    os.closerange(4, MOST_FILES)


def _above(file: int) -> int:
    return file if file > 3 else fcntl.fcntl(file, fcntl.F_DUPFD, 4)


def _limit_itself(max_seconds: float) -> None:
    """An index of a few bytes may ask FFmpeg for gigabytes: from here on only so much more than it has already."""
    cpu_seconds = CPU_SECONDS + int(CPU_SECONDS_PER_SECOND * max_seconds)
    # At the lower of the two the kernel says that it was the time; at the higher one it only kills.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUTCOME_BYTES, OUTCOME_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if statm.exists():
        limit_bytes = int(statm.read_text().split()[0]) * mmap.PAGESIZE + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    # Last: from here on no file, socket or pipe can be opened, whatever a recording talks FFmpeg into.
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def _end_with(server_pid: int) -> None:
    if _prctl is not None:
        _prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server_pid:  # it ended before the kernel was told
        os._exit(1)
