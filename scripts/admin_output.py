"""How operators' commands show what they found: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPED_WIDTH = 240


class Output:
    """Writes to standard output; questions and refusals go to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        # In a pipe there is no width to fit into, and a folded id is of no use.
        self._console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)

    def rows(self, names: Sequence[str], found: Iterable[Any]) -> None:
        """Documents of one kind, one a line, with these of their fields (JSON: with all)."""
        documents = [_as_document(each) for each in found]
        if self._as_json:
            self._say_json(documents)
            return
        table = Table(box=None, pad_edge=False)
        for name in names:
            table.add_column(name, overflow="fold")
        for document in documents:
            # As text: a message in square brackets is no markup.
            table.add_row(*(Text(_shown(document.get(name))) for name in names))
        self._console.print(table)

    def document(self, found: Any) -> None:
        """One document, a field a line."""
        document = _as_document(found)
        if self._as_json:
            self._say_json(document)
            return
        for name, value in document.items():
            self._console.print(Text(f"{name:>16}  {_shown(value)}"))

    def say(self, sentence: str) -> None:
        print(sentence, file=sys.stderr)

    def _say_json(self, value: Any) -> None:
        print(json.dumps(value, default=_shown, ensure_ascii=False))


def is_agreed(question: str) -> bool:
    """Ask; whoever is no person (a pipe, cron) has to say `--yes`."""
    if not sys.stdin.isatty():
        print(f"{question} Say --yes.", file=sys.stderr)
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _as_document(found: Any) -> Mapping[str, Any]:
    return asdict(found) if is_dataclass(found) and not isinstance(found, type) else dict(found)


def _shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {each}" for name, each in value.items()) or "-"
    return "-" if value is None else str(value)
