"""The faults: each does its harm, and says when and how that ends."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis

from scripts.chaos.fleet import Fleet
from scripts.chaos.parts import Part
from scripts.chaos.reclaims import Reclaims

# (seconds from now, what to do then)
Step = tuple[float, Callable[[], object]]
LONGEST_AWAY_SECONDS = 30.0
STOP_SECONDS = 12
STARVED_SHARE = 0.8
BUSY_SHARE = 0.8
STARVE_SLICE_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of harm; `is_alone`: nothing else is broken meanwhile, so that its own effect can be told."""

    kind: str
    begin: Callable[[], list[Step]]
    is_alone: bool = False


class Faults:
    """Every fault there is, over one fleet."""

    def __init__(self, fleet: Fleet, reclaims: Reclaims, chance: random.Random) -> None:
        self._fleet = fleet
        self._reclaims = reclaims
        self._chance = chance
        self.hung: list[str] = []
        self.spared: set[Part] = set()

    def all(self) -> list[Fault]:
        return [
            Fault("worker killed", lambda: self.kill(self._worker())),
            Fault("worker killed in part", lambda: self.kill_in_part(self._worker())),
            Fault("worker frozen past its lease", lambda: self.freeze(self._worker(), past_the_lease=True)),
            Fault("worker restarted", lambda: self.restart(self._worker())),
            Fault("worker starved", lambda: self.starve(self._worker())),
            Fault("web killed", lambda: self.kill(self._web())),
            Fault("web killed in part", lambda: self.kill_in_part(self._web())),
            Fault("web frozen", lambda: self.freeze(self._web())),
            Fault("web restarted", lambda: self.restart(self._web())),
            Fault("web starved", lambda: self.starve(self._web())),
            Fault("redis flushed", self.flush),
            Fault("redis killed", lambda: self.kill(self._fleet.redis), is_alone=True),
            Fault("redis hung", lambda: self.freeze(self._fleet.redis), is_alone=True),
            Fault("replies of redis dropped", self.drop_replies, is_alone=True),
            Fault("mongod killed", lambda: self.kill(self._fleet.mongod), is_alone=True),
            Fault("mongod restarted", lambda: self.restart(self._fleet.mongod), is_alone=True),
            Fault("mongod hung", lambda: self.freeze(self._fleet.mongod), is_alone=True),
            Fault("sockets cut", self.cut),
        ]

    def long(self) -> list[Fault]:
        """What takes too long to be dealt among the others."""
        mongod, redis_server = self._fleet.mongod, self._fleet.redis
        return [
            Fault("redis stopped for a minute", lambda: self.kill(redis_server, 60.0), is_alone=True),
            Fault("mongod stopped for half a minute", lambda: self.kill(mongod, 30.0), is_alone=True),
            Fault("mongod hung for half a minute", lambda: self.freeze(mongod, seconds=30.0), is_alone=True),
        ]

    def kill(self, part: Part, away_seconds: float | None = None) -> list[Step]:
        self._watch_leases(part)
        part.is_kept_down = True
        part.kill()
        return [(self._away(part) if away_seconds is None else away_seconds, lambda: _start(part))]

    def kill_in_part(self, part: Part) -> list[Step]:
        """One of its processes, any: if that ends the whole, it is started again."""
        part.kill_one(self._chance.randrange(8))
        return [(3.0, lambda: _start(part))]

    def freeze(self, part: Part, *, past_the_lease: bool = False, seconds: float | None = None) -> list[Step]:
        self._watch_leases(part)
        part.freeze()
        if seconds is None and past_the_lease:
            seconds = self._fleet.size.lease_seconds + self._chance.uniform(1.0, 4.0)
        elif seconds is None:
            seconds = self._away(part)
        return [(seconds, part.thaw)]

    def restart(self, part: Part) -> list[Step]:
        """SIGTERM, and start again as soon as it has ended; one that hangs is noted and ended."""
        pid = part.pid
        self.spared.add(part)
        part.terminate()
        looks: list[Step] = [(0.5 * number, lambda: _start(part)) for number in range(1, 2 * STOP_SECONDS)]
        return [*looks, (STOP_SECONDS, lambda: self._end_hung(part, pid))]

    def starve(self, part: Part) -> list[Step]:
        """Give it a fifth of its time for a while."""
        self.spared.add(part)
        slices = round(self._chance.uniform(16, 32))
        steps: list[Step] = [(slices * STARVE_SLICE_SECONDS, lambda: self.spared.discard(part))]
        for number in range(slices):
            begins = number * STARVE_SLICE_SECONDS
            steps += [(begins, part.freeze), (begins + STARVED_SHARE * STARVE_SLICE_SECONDS, part.thaw)]
        return steps

    def flush(self) -> list[Step]:
        try:
            with redis.Redis.from_url(self._fleet.redis_url, socket_timeout=1) as client:
                client.flushall()
        except redis.RedisError:
            return []
        return []

    def drop_replies(self, share: float = 0.05, seconds: float = 8.0) -> list[Step]:
        self._fleet.redis_proxy.dropped_share = share
        return [(seconds, self._stop_dropping)]

    def cut(self) -> list[Step]:
        self._fleet.cutter.cut_all()
        return []

    def _end_hung(self, part: Part, pid: int | None) -> None:
        if part.pid == pid and pid is not None:
            self.hung.append(f"{part.name} did not end within {STOP_SECONDS} s of SIGTERM")
            part.kill()
        _start(part)
        self.spared.discard(part)

    def _stop_dropping(self) -> None:
        self._fleet.redis_proxy.dropped_share = 0.0

    def _watch_leases(self, part: Part) -> None:
        if part in self._fleet.workers:
            self._reclaims.watch(self._reclaims.held_by(self._fleet.holder_of(part)))

    def _away(self, part: Part) -> float:
        """Mostly seconds; the databases now and then for as long as the product promises to bear."""
        if part in (self._fleet.mongod, self._fleet.redis) and self._chance.random() < 0.15:
            return LONGEST_AWAY_SECONDS
        return self._chance.uniform(0.5, 6.0)

    def _worker(self) -> Part:
        """Mostly one that is at work: harm to an idle one proves little."""
        running = self._running(self._fleet.workers)
        busy = [each for each in running if self._reclaims.held_by(self._fleet.holder_of(each))]
        return self._chance.choice(busy if busy and self._chance.random() < BUSY_SHARE else running)

    def _web(self) -> Part:
        return self._chance.choice(self._running(self._fleet.webs))

    def _running(self, parts: list[Part]) -> list[Part]:
        """One that is stopping or starved has enough to bear: what it does then would prove nothing."""
        spared = [part for part in parts if part.is_running and not part.is_frozen and part not in self.spared]
        return spared or parts


def deal(faults: list[Fault], chance: random.Random) -> Iterator[Fault]:
    """All of them in a random order, again and again: none is left out for long."""
    while faults:
        yield from chance.sample(faults, len(faults))


def _start(part: Part) -> None:
    part.is_kept_down = False
    if not part.is_running:
        part.start()
