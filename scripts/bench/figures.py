"""Figures and how they are printed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value; `bar` is the most it may be, None where there is none."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        return self.bar is None or self.value <= self.bar


def percentile(values: Iterable[float], percent: float) -> float:
    """The nearest-rank percentile: a value that was really measured."""
    ordered = sorted(values)
    return ordered[max(0, ceil(percent / 100 * len(ordered)) - 1)]


def print_figures(figures: Sequence[Figure]) -> None:
    """A line each, with what it is held to."""
    width = max(len(each.name) for each in figures)
    for each in figures:
        bar = "" if each.bar is None else f"bar {each.bar:g} {each.unit}: {'met' if each.is_met else 'MISSED'}"
        print(f"{each.name:<{width}}  {each.value:8.2f} {each.unit:<5}  {bar:<22}  {each.note}".rstrip())
