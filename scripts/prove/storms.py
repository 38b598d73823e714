"""The rows that are a fault run of one kind: the same candidates, accounting and table as `make chaos`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.chaos.bars import Line, at_most
from scripts.chaos.fleet import Fleet, Size
from scripts.chaos.report import Run, lines_of
from scripts.chaos.run import ChaosRun, Plan

Say = Callable[[str], None]
AFTER_REDIS_SECONDS = 60.0
CATCH_UP_SECONDS = 1.0
# Between the first tenth of a soak and its end.
MORE_RESIDENT_MB = 60.0


def storm(directory: Path, plan: Plan, say: Say, settings: Mapping[str, str] | None = None) -> tuple[Run, list[Line]]:
    """A fault run on a fleet of its own, and its table."""
    with Fleet(directory, Size(), more=settings) as fleet:
        run = ChaosRun(fleet, plan, say).go()
        return run, lines_of(run)


def sigkill(directory: Path, count: int, say: Say) -> list[Line]:
    """SIGKILL a worker at random: nothing lost, one accepted transcript each, claimed again within 45 s."""
    return storm(directory, Plan(1, faults=count, kinds=("worker killed",), pause=(2.0, 6.0)), say)[1]


def web_kill(directory: Path, count: int, say: Say) -> list[Line]:
    """SIGKILL a web process amid uploads: no acknowledged answer lost, no orphan after a sweep."""
    kinds = ("web killed",)
    return storm(directory, Plan(2, faults=count, kinds=kinds, pause=(2.5, 5.0), candidates=6), say)[1]


def sigstop(directory: Path, count: int, say: Say) -> list[Line]:
    """SIGSTOP a worker past its lease while answers are edited and erased: no stale write, nothing resurrected."""
    kinds = ("worker frozen past its lease",)
    return storm(directory, Plan(3, faults=count, kinds=kinds, pause=(0.5, 2.0)), say)[1]


def sigterm(directory: Path, count: int, say: Say) -> list[Line]:
    """Rolling SIGTERM under load: nothing that was accepted is lost."""
    kinds = ("worker restarted", "web restarted")
    return storm(directory, Plan(4, faults=count, kinds=kinds, pause=(1.0, 4.0)), say)[1]


def redis_away(directory: Path, count: int, say: Say) -> list[Line]:
    """Redis stopped 60 s, flushed, and 5 % of its replies dropped: uploads stay 202, all is done 60 s after."""
    kinds = ("redis stopped for a minute", "redis flushed", "replies of redis dropped")
    run, lines = storm(directory, Plan(5, faults=3 * count, kinds=kinds, pause=(4.0, 8.0)), say)
    after = [] if run.drain_seconds is None else [run.drain_seconds]
    return [*lines, at_most("all done after Redis is back", after, AFTER_REDIS_SECONDS)]


def mongo_away(directory: Path, count: int, say: Say) -> list[Line]:
    """Mongo stopped and hung for 30 s: 503 within 3.5 s, and it recovers alone."""
    kinds = ("mongod stopped for half a minute", "mongod hung for half a minute")
    return storm(directory, Plan(6, faults=2 * count, kinds=kinds, pause=(4.0, 8.0)), say)[1]


def sockets(directory: Path, count: int, say: Say) -> list[Line]:
    """Sockets cut every 1 to 3 s over so many answers: the final state is the database's, caught up within 1 s."""
    run, lines = storm(directory, Plan(7, answers=count, kinds=(), follows_through_cuts=1.0), say)
    seconds = [each for follower in run.followers for _, each in follower.catch_ups]
    return [*lines, at_most("catching up after every cut", seconds, CATCH_UP_SECONDS)]


def soak(directory: Path, count: int, say: Say) -> list[Line]:
    """So many answers: flat memory, threads and descriptors, no orphan."""
    with Fleet(directory) as fleet:
        warm_up = ChaosRun(fleet, Plan(8, answers=max(20, count / 10), kinds=()), say).go()
        run = ChaosRun(fleet, Plan(9, answers=count, kinds=(), candidates=6), say).go()
        lines = [*lines_of(warm_up), *lines_of(run)]
    for name, (before, after) in run.usage.items():
        grown = after.resident_mb - before.resident_mb
        is_flat = name == "mongod" or grown <= MORE_RESIDENT_MB
        lines.append(Line(f"{name} grew", f"{grown:+.0f} MB", f"≤ {MORE_RESIDENT_MB:.0f} MB", is_flat))
    return lines
