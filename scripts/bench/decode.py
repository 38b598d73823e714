"""What it costs to decode an answer in a process of its own, against decoding it here, or in a fresh interpreter.

All three are done in turn. CPU seconds are of everything that took part: this process, the child, and its server.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from os import sysconf
from pathlib import Path
from statistics import median

from config import ROOT
from scripts.bench.figures import Figure, percentile
from scripts.decoding import decode_in, heard
from scripts.encoding import WEBM, encode
from services.audio.children import Children
from services.audio.decoder import decoded
from services.audio.samples import SAMPLE_RATE_HZ, Samples

SECONDS = 10
ROUNDS = 40
WARM_UPS = 3
MAX_SECONDS = 600.0
MORE_MS_BAR = 30.0
# What a child did before there was a server that forks: everything, from the interpreter on.
FRESH_CHILD = """
import sys
from services.audio.decoder import decoded
samples, _ = decoded(sys.stdin.buffer.read(), max_seconds=600)
sys.stdout.buffer.write(samples.data)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of one answer."""

    wall: float
    cpu: float


def measure_decoding(say: Callable[[str], None]) -> list[Figure]:
    """Milliseconds of latency and of CPU for each way; the bar is on what a process of its own adds."""
    say(f"decode: {ROUNDS} answers of {SECONDS} s of Opus each way, with av {version('av')}, numpy {version('numpy')}")
    answer = encode(_speech(), WEBM)
    children = Children()
    began = time.perf_counter()
    decode_in(children, answer, max_seconds=MAX_SECONDS)
    start_seconds = time.perf_counter() - began
    ways: dict[str, Callable[[], object]] = {
        "here": lambda: decoded(answer, max_seconds=MAX_SECONDS),
        "in a forked child": lambda: heard(decode_in(children, answer, max_seconds=MAX_SECONDS)),
        "in a fresh child": lambda: _decode_in_fresh_child(answer),
    }
    costs: dict[str, list[Cost]] = {name: [] for name in ways}
    for _ in range(WARM_UPS + ROUNDS):
        for name, way in ways.items():
            costs[name].append(_cost(way, children.server().pid))
    children.close()
    first = Figure("decode, the first answer of a worker", 1000 * start_seconds, "ms", note="starts the server")
    return [*_figures({name: each[WARM_UPS:] for name, each in costs.items()}), first]


def _figures(costs: dict[str, list[Cost]]) -> Iterator[Figure]:
    for name, each in costs.items():
        p95 = f"median; p95 {1000 * percentile((cost.wall for cost in each), 95):.1f} ms"
        yield Figure(f"decode {SECONDS} s {name}", 1000 * median(cost.wall for cost in each), "ms", note=p95)
        yield Figure(f"decode {SECONDS} s {name}, CPU", 1000 * sum(cost.cpu for cost in each) / len(each), "ms")
    pairs = zip(costs["here"], costs["in a forked child"], strict=True)
    more = median(forked.wall - here.wall for here, forked in pairs)
    yield Figure("what a forked child adds", 1000 * more, "ms", MORE_MS_BAR, "median of the pairs")


def _cost(way: Callable[[], object], server_pid: int) -> Cost:
    cpu, began = _cpu_seconds(server_pid), time.perf_counter()
    way()
    wall = time.perf_counter() - began
    return Cost(wall, _cpu_seconds(server_pid) - cpu)


def _cpu_seconds(server_pid: int) -> float:
    """Of this process, its children that have ended, the server, and the server's children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # proc(5): utime, stime, cutime and cstime are fields 14 to 17; the name before them may hold spaces.
    fields = Path(f"/proc/{server_pid}/stat").read_text().rpartition(")")[2].split()
    servers = sum(int(each) for each in fields[11:15]) / sysconf("SC_CLK_TCK")
    return sum(each.ru_utime + each.ru_stime for each in used) + servers


def _decode_in_fresh_child(content: bytes) -> bytes:
    return subprocess.run(
        [sys.executable, "-c", FRESH_CHILD], input=content, capture_output=True, cwd=ROOT, check=True
    ).stdout


def _speech() -> Samples:
    """The first seconds of the demo's longest answer."""
    recordings = (ROOT / "demo" / "recordings").iterdir()
    longest = max(recordings, key=lambda path: path.stat().st_size)
    return decoded(longest.read_bytes(), max_seconds=MAX_SECONDS)[0][: SECONDS * SAMPLE_RATE_HZ]
