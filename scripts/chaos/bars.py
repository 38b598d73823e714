"""What the fault run holds the product to (docs/reliability.md), and how each figure is read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; without a limit it is only told."""

    name: str
    value: str
    limit: str = ""
    is_met: bool = True
    details: tuple[str, ...] = ()


def told(name: str, value: object) -> Line:
    return Line(name, str(value))


def none_of(name: str, findings: Sequence[str]) -> Line:
    """A line that is met when there is nothing to find."""
    return Line(name, str(len(findings)), "0", not findings, tuple(findings[:5]))


def at_most(name: str, values: Iterable[float], limit: float, *, share: float = 1.0, unit: str = "s") -> Line:
    """A line over measured values: the given share of them (1: all) has to be within the limit."""
    ordered = sorted(values)
    if not ordered:
        return Line(name, "none measured")
    middle, last = ordered[len(ordered) // 2], quantile(ordered, share)
    word = "max" if share == 1 else f"p{100 * share:g}"
    value = f"p50 {middle:.2f}, {word} {last:.2f} {unit} of {len(ordered)}"
    return Line(name, value, f"{word} ≤ {limit:g} {unit}", last <= limit)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile of sorted values."""
    return ordered[max(0, min(len(ordered), -int(-share * len(ordered) // 1)) - 1)]


def print_lines(lines: Iterable[Line]) -> None:
    lines = list(lines)
    width = max(len(line.name) for line in lines)
    for line in lines:
        verdict = "" if not line.limit else ("ok" if line.is_met else "MISSED")
        print(f"  {line.name:<{width}}  {line.value:<44} {line.limit:<16} {verdict}".rstrip())
        for detail in line.details:
            print(f"      {detail}")
