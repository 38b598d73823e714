"""One section of the report, and how its tables are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from scripts.bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Section:
    """A title, its figures (those with a bar decide), paragraphs and tables in Markdown, and pictures by file name."""

    name: str
    title: str
    figures: Sequence[Figure]
    text: str
    pictures: dict[str, str] = field(default_factory=dict)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; everything but the first column is aligned to the right."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
