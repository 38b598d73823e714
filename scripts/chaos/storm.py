"""Deals faults for a while, from the main thread, and undoes each when its time has come."""

import heapq
import random
import time
from collections.abc import Callable
from itertools import count

from scripts.chaos.faults import Fault, deal
from scripts.chaos.fleet import Fleet
from scripts.chaos.weather import Spell, Weather

TICK_SECONDS = 0.05
MOST_AT_ONCE = 3
CALM_BETWEEN_SECONDS = 3.0


class Storm:
    """Faults over a fleet, one after the other and some at once."""

    def __init__(
        self, fleet: Fleet, faults: list[Fault], weather: Weather, chance: random.Random, pause: tuple[float, float]
    ) -> None:
        self.dealt = 0
        self._fleet = fleet
        self._pause = pause
        self._deck = deal(faults, chance)
        self._weather = weather
        self._chance = chance
        self._steps: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = count()
        self._active: list[Fault] = []
        self._calm_since = time.monotonic()
        self._next: Fault | None = None
        self._next_at = 0.0

    @property
    def now(self) -> str:
        """What is broken at the moment."""
        return ", ".join(fault.kind for fault in self._active) or "nothing broken"

    def blow(self, is_over: Callable[[], bool], on_tick: Callable[[], None]) -> None:
        """Deal faults until it is over, undo each at its time, then let everything run."""
        while self._steps or not is_over():
            if not is_over():
                self._deal()
            self._take_steps()
            on_tick()
            time.sleep(TICK_SECONDS)
        self._fleet.heal()

    def _deal(self) -> None:
        if self._next is None:
            self._next = next(self._deck, None)
        if self._next is None:
            return
        if time.monotonic() < self._next_at or not self._may_begin(self._next):
            return
        fault, self._next = self._next, None
        self._begin(fault)
        self._next_at = time.monotonic() + self._chance.uniform(*self._pause)

    def _may_begin(self, fault: Fault) -> bool:
        if any(each.is_alone for each in self._active) or len(self._active) >= MOST_AT_ONCE:
            return False
        is_calm = not self._active and time.monotonic() - self._calm_since > CALM_BETWEEN_SECONDS
        return is_calm if fault.is_alone else True

    def _begin(self, fault: Fault) -> None:
        self.dealt += 1
        spell = self._weather.begin(fault.kind)
        self._active.append(fault)
        steps, now = fault.begin(), time.monotonic()
        for seconds, do in steps:
            heapq.heappush(self._steps, (now + seconds, next(self._numbers), do))
        last = max((seconds for seconds, _ in steps), default=0.0)
        heapq.heappush(self._steps, (now + last, next(self._numbers), lambda: self._end(fault, spell)))

    def _end(self, fault: Fault, spell: Spell) -> None:
        self._weather.end(spell)
        self._active.remove(fault)
        self._calm_since = time.monotonic()

    def _take_steps(self) -> None:
        while self._steps and self._steps[0][0] <= time.monotonic():
            heapq.heappop(self._steps)[2]()
