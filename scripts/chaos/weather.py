"""Which fault was on when: tells a slow reply in a storm from one on a calm day."""

import threading
import time
from collections import Counter
from dataclasses import dataclass

# What a fault leaves behind: restarts, reconnects, a model that loads.
AFTER_SECONDS = 3.0


@dataclass(slots=True)
class Spell:
    """One fault, from its begin to its end (monotonic seconds); None while it lasts."""

    kind: str
    began: float
    ended: float | None = None

    def covers(self, began: float, ended: float) -> bool:
        return self.began <= began and (self.ended is None or ended <= self.ended)

    def touches(self, began: float, ended: float) -> bool:
        return self.began <= ended and (self.ended is None or began <= self.ended + AFTER_SECONDS)


class Weather:
    """The spells so far."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.spells: list[Spell] = []

    def begin(self, kind: str) -> Spell:
        spell = Spell(kind, time.monotonic())
        with self._lock:
            self.spells.append(spell)
        return spell

    def end(self, spell: Spell) -> None:
        spell.ended = time.monotonic()

    def is_calm(self, began: float, ended: float) -> bool:
        """Whether no fault was on, or had just been."""
        return not any(spell.touches(began, ended) for spell in list(self.spells))

    def is_only(self, prefix: str, began: float, ended: float) -> bool:
        """Whether all of that time lay within a fault of this kind, and none of another kind touched it."""
        spells = list(self.spells)
        return any(each.kind.startswith(prefix) and each.covers(began, ended) for each in spells) and all(
            each.kind.startswith(prefix) or not each.touches(began, ended) for each in spells
        )

    def counts(self) -> Counter[str]:
        return Counter(each.kind for each in list(self.spells))
