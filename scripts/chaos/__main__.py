"""`make chaos`: kill and starve every part while interviews go on, then account for every answer."""

import argparse
import os
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from config import ROOT
from scripts.chaos.bars import print_lines
from scripts.chaos.fleet import Fleet, FleetNotReady
from scripts.chaos.report import lines_of
from scripts.chaos.run import ChaosRun, Plan
from scripts.embedded_mongod import EmbeddedMongodError
from scripts.embedded_redis import EmbeddedRedisError

DIRECTORY = ROOT / "var" / "chaos"


def main() -> int:
    """The exit code: 0 every bar holds, 1 one is missed, 2 it could not be run, 130 stopped by hand."""
    arguments = _arguments()
    # As Ctrl-C: everything that was started is stopped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    directory = arguments.directory / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    plan = Plan(arguments.seed, seconds=60 * arguments.minutes, candidates=arguments.candidates)
    try:
        with Fleet(directory) as fleet:
            lines = lines_of(ChaosRun(fleet, plan, say).go())
    except (FleetNotReady, EmbeddedMongodError, EmbeddedRedisError) as failure:
        say(f"It could not be run: {failure}")
        return 2
    except KeyboardInterrupt:
        say("Stopped by hand; nothing that was started is left.")
        _clean(directory, keeps_logs=False)
        return 130
    print_lines(lines)
    missed = [line.name for line in lines if not line.is_met]
    _clean(directory, keeps_logs=bool(missed))
    if missed:
        say(f"MISSED with CHAOS_SEED={plan.seed}: {', '.join(missed)}. The logs of all processes: {directory}")
        return 1
    say("Every bar holds.")
    return 0


def say(line: str) -> None:
    print(line, flush=True)


def _clean(directory: Path, *, keeps_logs: bool) -> None:
    if not keeps_logs:
        shutil.rmtree(directory, ignore_errors=True)
        return
    for path in directory.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=(__doc__ or "").partition(": ")[2])
    minutes = os.environ.get("CHAOS_MINUTES") or "5"
    seed = os.environ.get("CHAOS_SEED") or str(random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=float(minutes), help="how long faults go on (CHAOS_MINUTES)")
    parser.add_argument("--seed", type=int, default=int(seed), help="which faults, in which order (CHAOS_SEED)")
    parser.add_argument("--candidates", type=int, default=4, help="interviews at a time (default 4)")
    parser.add_argument("--directory", type=Path, default=DIRECTORY, help="where logs go (default var/chaos)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
