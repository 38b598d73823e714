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
    """How long and how wild a run is: it is over when one of its ends is reached.

    `kinds` names the faults that are dealt (None: all); without any it is a calm run.
    """

    seed: int
    seconds: float = float("inf")
    faults: float = float("inf")
    answers: float = float("inf")
    candidates: int = 4
    pause: tuple[float, float] = (1.0, 4.0)
    kinds: tuple[str, ...] | None = None
    follows_through_cuts: float = 0.5


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
        plan, ends_at = self._plan, time.monotonic() + self._plan.seconds
        faults = self._faults.all()
        if plan.kinds is not None:
            faults = [each for each in [*faults, *self._faults.long()] if each.kind in plan.kinds]
        storm = Storm(self._fleet, faults, self._weather, self._chance, plan.pause)

        def is_over() -> bool:
            is_done = storm.dealt >= plan.faults or self._accepted() >= plan.answers
            return is_done or time.monotonic() > ends_at

        def on_tick() -> None:
            now = time.monotonic()
            if now - self._looked_at > 1:
                self._looked_at = now
                self._revived += self._fleet.revive()
            if now - self._said_at > SAY_SECONDS:
                self._said_at = now
                left = f"{max(0.0, ends_at - now):4.0f} s left, " if plan.seconds < float("inf") else ""
                self._say(f"{left}{self._so_far()}, {storm.dealt} faults, now {storm.now}")

        storm.blow(is_over, on_tick)

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
        """Some through the proxy that cuts, the others on lines that last."""
        is_cut = random.random() < self._plan.follows_through_cuts
        url = self._fleet.cutter.url if is_cut else random.choice(self._fleet.urls)
        follower = Follower(url, session_id, self._fleet.token)
        self._followers.append(follower)
        follower.start()
        return follower

    def _say_left(self, left: int) -> None:
        if time.monotonic() - self._said_at > SAY_SECONDS:
            self._said_at = time.monotonic()
            self._say(f"{left} answers still wait")

    def _so_far(self) -> str:
        return f"{self._accepted()} accepted in {len(self._ledger.interviews)} interviews"

    def _accepted(self) -> int:
        return sum(take.is_acknowledged for take in self._ledger.takes())
