"""Each row of the reliability table can be proven, says whether it held, and is not proven twice."""

import re
import signal
import sys
from pathlib import Path

import pytest

from config import ROOT
from scripts.chaos.bars import Line, none_of
from scripts.prove import __main__ as prove
from scripts.prove import commands


def test_every_row_of_the_document_can_be_proven():
    document = (ROOT / "docs" / "reliability.md").read_text()
    named = set(re.findall(r"^\|[^|]+\|[^|]+\| `([a-z-]+)` \|", document, re.MULTILINE))
    assert named == set(prove.ROWS)
    assert all(row.prove.__doc__ for row in prove.ROWS.values())


@pytest.mark.parametrize(
    "name", [name for name, row in prove.ROWS.items() if row.prove.__module__ == commands.__name__]
)
def test_what_a_row_runs_is_there(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    ran: list[list[str]] = []

    def remember(_: object, __: str, arguments: list[str], ___: object = None) -> list[Line]:
        ran.append(arguments)
        return []

    monkeypatch.setattr(commands, "_run", remember)
    prove.ROWS[name].prove(tmp_path, 1, lambda _: None)
    for argument in ran[0]:
        assert not argument.startswith("tests/") or (ROOT / argument).exists()
    assert [each for each in ran[0] if each.startswith(("tests/", "scripts."))]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, int]]:
    """Two rows, of which the second fails; what was proven, and how often."""
    proven: list[tuple[str, int]] = []

    def row(name: str, findings: list[str]) -> prove.Row:
        def prove_it(_: Path, count: int, __: prove.Say) -> list[Line]:
            """It is proven."""
            proven.append((name, count))
            return [none_of("findings", findings)]

        return prove.Row(prove_it, 5)

    monkeypatch.setattr(prove, "DIRECTORY", tmp_path)
    monkeypatch.setattr(prove, "ROWS", {"good": row("good", []), "bad": row("bad", ["lost"])})
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return proven


def proved(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["prove", *arguments])
    return prove.main()


def test_a_run_goes_on_after_the_rows_that_hold(rows: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch):
    assert proved(monkeypatch) == 1
    assert proved(monkeypatch) == 1
    assert rows == [("good", 5), ("bad", 5), ("bad", 5)]
    proved(monkeypatch, "--again")
    assert rows[3:] == [("good", 5), ("bad", 5)]


def test_a_smaller_count_proves_less_than_the_row(rows: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch):
    assert proved(monkeypatch, "--only", "good", "--count", "2") == 0
    proved(monkeypatch)
    assert rows == [("good", 2), ("good", 5), ("bad", 5)]
