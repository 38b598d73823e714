"""One fault run from the first start to the table."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from scripts.chaos.accounting import account, stale_sockets
from scripts.chaos.aftermath import age_leftovers, drained, read_aftermath, swept
from scripts.chaos.candidate import Candidate
from scripts.chaos.clips import Clips
from scripts.chaos.faults import Faults
from scripts.chaos.fleet import Fleet
from scripts.chaos.follower import Follower
from scripts.chaos.ledger import Ledger
from scripts.chaos.process_tree import Usage
from scripts.chaos.reclaims import Reclaims
from scripts.chaos.report import Run
from scripts.chaos.storm import Storm
from scripts.chaos.verbs import Verbs
from scripts.chaos.weather import Weather
from scripts.chaos.witness import Witness

SAY_SECONDS = 5.0
LEAVE_SECONDS = 120.0
DRAIN_SECONDS = 180.0
SWEEP_SECONDS = 30.0
SETTLE_SECONDS = 15.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How long and how wild a run is."""

    seconds: float
    seed: int
    candidates: int = 4
    pause: tuple[float, float] = (1.0, 4.0)


class ChaosRun:
    """Candidates, watchers and a storm over one fleet that runs."""

    def __init__(self, fleet: Fleet, plan: Plan, say: Say) -> None:
        self._fleet, self._plan, self._say = fleet, plan, say
        self._ledger, self._weather = Ledger(), Weather()
        self._followers: list[Follower] = []
        self._witness, self._reclaims = Witness(fleet.stored), Reclaims(fleet.stored)
        self._chance = random.Random(plan.seed)
        self._faults = Faults(fleet, self._reclaims, self._chance)
        self._revived: list[str] = []
        self._said_at = self._looked_at = 0.0

    def go(self) -> Run:
        """The whole run; the fleet goes on running."""
        before = self._fleet.usage()
        self._witness.start()
        self._reclaims.start()
        clips = Clips()
        self._say(f"{self._plan.candidates} candidates, {len(clips)} recordings, seed {self._plan.seed}")
        candidates = [self._candidate(number, clips) for number in range(self._plan.candidates)]
        for each in candidates:
            each.start()
        try:
            self._storm()
            self._leave(candidates)
            return self._judge(clips, before)
        finally:
            self._end(candidates)

    def _storm(self) -> None:
        storm = Storm(self._fleet, self._faults.all(), self._weather, self._chance)
        ends_at = time.monotonic() + self._plan.seconds

        def on_tick() -> None:
            now = time.monotonic()
            if now - self._looked_at > 1:
                self._looked_at = now
                self._revived += self._fleet.revive()
            if now - self._said_at > SAY_SECONDS:
                self._said_at = now
                self._say(f"{max(0.0, ends_at - now):4.0f} s left, {self._so_far()}, {storm.now}")

        storm.blow(self._plan.seconds, on_tick, self._plan.pause)

    def _leave(self, candidates: list[Candidate]) -> None:
        self._say(f"the storm is over; candidates finish their interviews, {self._so_far()}")
        deadline = time.monotonic() + LEAVE_SECONDS
        for each in candidates:
            each.leave()
        while any(each.is_alive() for each in candidates) and time.monotonic() < deadline:
            self._revived += self._fleet.revive()
            time.sleep(0.2)
        for each in candidates:
            each.verbs.give_up()
            each.join(20)

    def _judge(self, clips: Clips, before: dict[str, Usage]) -> Run:
        stored = self._fleet.stored
        self._fleet.wait_until_ready()
        drain = drained(stored, DRAIN_SECONDS, self._say_left)
        age_leftovers(stored)
        swept(stored, SWEEP_SECONDS)
        self._settle()
        aftermath = read_aftermath(stored)
        told = {each.session_id: each.answers for each in self._followers}
        return Run(
            accounts=account(self._ledger, aftermath, list(self._witness.lives.values()), clips.is_of),
            ledger=self._ledger,
            weather=self._weather,
            followers=self._followers,
            stale=stale_sockets(aftermath, told),
            resurrected=self._witness.resurrected,
            reclaim_seconds=self._reclaims.seconds,
            never_reclaimed=self._reclaims.given_up,
            drain_seconds=drain,
            left_behind=self._fleet.left_behind(),
            hung=self._faults.hung,
            revived=self._revived,
            usage={name: (before[name], after) for name, after in self._fleet.usage().items()},
        )

    def _settle(self) -> None:
        """Give every socket the time to hear of the last change."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while any(each.is_alive() for each in self._followers) and time.monotonic() < deadline:
            time.sleep(0.1)

    def _end(self, candidates: list[Candidate]) -> None:
        for each in candidates:
            each.leave()
            each.verbs.give_up()
        self._witness.stop()
        self._reclaims.stop()
        for follower in self._followers:
            follower.stop()

    def _candidate(self, number: int, clips: Clips) -> Candidate:
        seed = f"{self._plan.seed}-{number}"
        urls = [*self._fleet.urls, self._fleet.cutter.url]
        verbs = Verbs(urls, self._fleet.token, self._ledger, random.Random(seed))
        return Candidate(f"candidate-{number}", verbs, clips, self._follow, seed)

    def _follow(self, session_id: str) -> Follower:
        """Half of them through the proxy that cuts, half on lines that last."""
        url = self._fleet.cutter.url if len(self._followers) % 2 else self._fleet.urls[len(self._followers) // 2 % 2]
        follower = Follower(url, session_id, self._fleet.token)
        self._followers.append(follower)
        follower.start()
        return follower

    def _say_left(self, left: int) -> None:
        if time.monotonic() - self._said_at > SAY_SECONDS:
            self._said_at = time.monotonic()
            self._say(f"{left} answers still wait")

    def _so_far(self) -> str:
        takes = [take for take in self._ledger.takes() if take.is_acknowledged]
        return f"{len(takes)} accepted in {len(self._ledger.interviews)} interviews"
