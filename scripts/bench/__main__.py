"""`make bench`: every benchmark against a service of its own, with the machine and the load it ran on."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from scripts.bench.decode import measure_decoding
from scripts.bench.feedback import measure_completing
from scripts.bench.figures import Figure, print_figures
from scripts.bench.live import measure_latency
from scripts.bench.machine import describe_machine
from scripts.bench.search import measure_search
from scripts.bench.stop import measure_stop, measure_stop_while_hearing
from scripts.bench.upload import measure_uploads
from scripts.embedded_redis import EmbeddedRedis
from scripts.started_service import StartedService

BENCHMARKS = ("upload", "feedback", "decode", "live", "stop", "search")
# One client asks more here than any person does.
UNLIMITED = {
    **dict.fromkeys(("RATE_LIMIT", "RATE_LIMIT_UPLOADS", "RATE_LIMIT_COSTLY"), "100000/second"),
    "MAX_SOCKETS_PER_SESSION": "90",
}


def main() -> int:
    """The exit code: 1 where a bar was missed."""
    arguments = _arguments()
    # As Ctrl-C: what was started is stopped, and its directory removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as directory, EmbeddedRedis() as redis:
        # With Redis and no worker: what is measured is the web tier, and nothing transcribes beside it.
        service = StartedService(Path(directory), {"REDIS_URL": redis.uri, "LOG_LEVEL": "INFO", **UNLIMITED})
        with service:
            service.wait_until_ready(needs_worker=False)
            for line in describe_machine(service.mongodb_uri):
                print(line, flush=True)
            figures = _measure(service, arguments.only)
            if arguments.only in (None, "stop"):
                figures.append(measure_stop(service, _say))
        if arguments.only in (None, "stop"):
            figures.append(measure_stop_while_hearing(Path(directory) / "hearing", _say))
    print_figures(figures)
    return 0 if all(figure.is_met for figure in figures) else 1


def _measure(service: StartedService, only: str | None) -> list[Figure]:
    figures: list[Figure] = []
    if only in (None, "upload"):
        figures += measure_uploads(service, _say)
    if only in (None, "feedback"):
        figures += measure_completing(service, _say)
    if only in (None, "decode"):
        figures += measure_decoding(_say)
    if only in (None, "live"):
        figures += measure_latency(service, _say)
    if only in (None, "search"):
        figures += measure_search(service, _say)
    return figures


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description="Measure Parley on this machine.")
    parser.add_argument("only", nargs="?", choices=BENCHMARKS, help="one of them (default: all, a few minutes)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
