"""Decodes one recording in a process of its own: the recording on standard input, the outcome on standard output.

The outcome is a line of JSON, `{"code", "message"}` or `{"bad_packets", "broke_off"}`, the samples behind it.
"""

import json
import mmap
import resource
import sys
from pathlib import Path

from services.audio.decoder import decoded
from services.errors import RecordingRejected
from services.transcribers import SAMPLE_RATE_HZ

MEMORY_BYTES = 128 * 1024 * 1024
# Measured: 0.002 s for a second of Opus or AAC.
CPU_SECONDS = 10
CPU_SECONDS_PER_SECOND = 0.05


def main() -> None:
    """Run as `python -m services.audio.child <max_seconds>`."""
    max_seconds = float(sys.argv[1])
    content = sys.stdin.buffer.read()
    _limit_itself(max_seconds)
    try:
        samples, damage = decoded(content, max_seconds=max_seconds)
    except RecordingRejected as rejected:
        _tell({"code": rejected.code, "message": rejected.message})
        return
    _tell({"bad_packets": damage.bad_packets, "broke_off": damage.broke_off})
    sys.stdout.buffer.write(samples.data)


def _tell(outcome: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(outcome).encode() + b"\n")


def _limit_itself(max_seconds: float) -> None:
    """An index of a few bytes may ask FFmpeg for gigabytes: from here on only so much more than it has already."""
    cpu_seconds = CPU_SECONDS + int(CPU_SECONDS_PER_SECOND * max_seconds)
    # At the lower of the two the kernel says that it was the time; at the higher one it only kills.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    statm = Path("/proc/self/statm")
    if statm.exists():
        has_bytes = int(statm.read_text().split()[0]) * mmap.PAGESIZE
        samples_bytes = 2 * 4 * int(SAMPLE_RATE_HZ * max_seconds)
        limit_bytes = has_bytes + samples_bytes + MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))


if __name__ == "__main__":
    main()
