"""`make prove`: every row of docs/reliability.md at its full count, one after the other; an hour or more."""

import argparse
import json
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import ROOT
from scripts.chaos.bars import Line, print_lines
from scripts.prove import commands, drills, storms

DIRECTORY = ROOT / "var" / "prove"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: how it is proven, and how often that is done."""

    prove: Callable[[Path, int, Say], list[Line]]
    count: int


ROWS = {
    "sigkill": Row(storms.sigkill, 100),
    "web-kill": Row(storms.web_kill, 100),
    "redis": Row(storms.redis_away, 1),
    "mongo": Row(storms.mongo_away, 1),
    "same-upload": Row(drills.same_upload, 50),
    "sigstop": Row(storms.sigstop, 50),
    "poison": Row(drills.poison, 5),
    "sigterm": Row(storms.sigterm, 20),
    "sockets": Row(storms.sockets, 200),
    "hostile": Row(commands.hostile, 1),
    "mutated": Row(commands.mutated, 100_000),
    "api": Row(commands.api, 20),
    "matrix": Row(commands.matrix, 1),
    "machine": Row(commands.machine, 1),
    "soak": Row(storms.soak, 10_000),
}


def main() -> int:
    """The exit code: 0 every row that ran holds, 1 one does not."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    done = {} if arguments.again or arguments.only else _read_done()
    names = arguments.only or [name for name in ROWS if name not in done]
    missed = []
    for name in names:
        count = arguments.count or ROWS[name].count
        print(f"== {name} ×{count}: {ROWS[name].prove.__doc__}", flush=True)  # noqa: RUF001
        began = time.monotonic()
        lines = _prove(name, count)
        print_lines(lines)
        bad = [line.name for line in lines if not line.is_met]
        verdict = f"MISSED ({', '.join(bad)})" if bad else "holds"
        print(f"== {name}: {verdict}, {time.monotonic() - began:.0f} s\n", flush=True)
        missed += [name] if bad else []
        if not bad and count >= ROWS[name].count:
            _keep_done(name)
    print(f"MISSED: {', '.join(missed)}" if missed else f"Every row that ran holds: {', '.join(names)}")
    return 1 if missed else 0


def _prove(name: str, count: int) -> list[Line]:
    directory = DIRECTORY / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    lines = ROWS[name].prove(directory, count, lambda line: print(f"  {line}", flush=True))
    if all(line.is_met for line in lines):
        shutil.rmtree(directory, ignore_errors=True)
    else:
        shutil.rmtree(directory / "mongodb", ignore_errors=True)
    return lines


def _read_done() -> dict[str, str]:
    """The rows that were proven at their full count before, and when: a run that was cut off goes on after them."""
    path = DIRECTORY / "done.json"
    done: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    for name, when in done.items():
        print(f"{name} was proven on {when} (--again proves it again)")
    return done


def _keep_done(name: str) -> None:
    path = DIRECTORY / "done.json"
    done = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**done, name: time.strftime("%Y-%m-%d %H:%M")}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make prove", description=(__doc__ or "").partition(": ")[2])
    parser.add_argument("--only", nargs="+", choices=list(ROWS), help="these rows (default: those not proven yet)")
    parser.add_argument("--count", type=int, help="how often, in place of the row's own count")
    parser.add_argument("--again", action="store_true", help="also the rows that were proven before")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
