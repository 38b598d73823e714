"""Which test holds the product to which criterion of the seeds: `python -m scripts.seed_coverage [--check]`.

Writes docs/seed-coverage.md from tests/seed_criteria.toml and the tests' markers; with `--check` it writes nothing, and
fails where a criterion has neither a test nor a plan, where a marker names no criterion, or where the page is not as it
would be written. That the tests pass is the test run's to say.
"""

import argparse
import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import ROOT

CRITERIA = ROOT / "tests" / "seed_criteria.toml"
PAGE = ROOT / "docs" / "seed-coverage.md"
MARKER = "covers"
# Enough to find one's way; the rest is counted.
NAMED_TESTS = 3
HEAD = """# Seed coverage

Every endpoint and acceptance criterion of the documents that Parley was asked for with, and the tests that hold it to
them, or where it is planned. Made by `python -m scripts.seed_coverage` from `tests/seed_criteria.toml` and the tests'
`covers` markers; `make check` fails where a criterion has neither, and `make test` runs every test named here.
"""


@dataclass(frozen=True, slots=True)
class Seed:
    """One document: its criteria in our words by their ids, and where those without a test are planned."""

    title: str
    source: str
    criteria: Mapping[str, str]
    planned: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CoveringTest:
    """A test by its name, and where it stands (relative to the root)."""

    name: str
    path: str


Coverage = Mapping[str, Sequence[CoveringTest]]


def seeds_of(path: Path = CRITERIA) -> list[Seed]:
    found = tomllib.loads(path.read_text())["seed"]
    return [Seed(each["title"], each["source"], each["criteria"], each.get("planned", {})) for each in found]


def coverage_of(tests: Path = ROOT / "tests") -> Coverage:
    """The tests by the criteria that they are marked with."""
    found: dict[str, list[CoveringTest]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        where = str(path.relative_to(tests.parent))
        for name, criterion in _marked(ast.parse(path.read_text())):
            found[criterion].append(CoveringTest(name, where))
    return found


def problems_of(seeds: Sequence[Seed], coverage: Coverage) -> list[str]:
    """What is wrong between the two, a sentence each."""
    known = {criterion for seed in seeds for criterion in seed.criteria}
    problems = [f"{name} is planned and is no criterion." for seed in seeds for name in seed.planned.keys() - known]
    for seed in seeds:
        for name in seed.criteria:
            if name in coverage and name in seed.planned:
                problems.append(f"{name} has a test and is planned: take one away.")
            if name not in coverage and name not in seed.planned:
                problems.append(f"{name} has neither a test nor a plan: {seed.criteria[name]}.")
    for name in coverage.keys() - known:
        problems += [f"{each.path}: {each.name} covers {name}, which is no criterion." for each in coverage[name]]
    return sorted(problems)


def page_of(seeds: Sequence[Seed], coverage: Coverage) -> str:
    lines = [HEAD]
    for seed in seeds:
        tested = sum(name in coverage for name in seed.criteria)
        lines.append(
            f"## {seed.title}\n\n`{seed.source}`: {tested} of {len(seed.criteria)} by tests, the others planned.\n"
        )
        lines.append("| | criterion | held to it by |\n|---|---|---|")
        for name, text in seed.criteria.items():
            by = _told(coverage[name]) if name in coverage else f"*planned: {seed.planned.get(name, '?')}*"
            lines.append(f"| {name} | {text.replace('|', '&#124;')} | {by} |")
        lines.append("")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="scripts.seed_coverage", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where something is wrong")
    check = parser.parse_args(arguments).check
    seeds, coverage = seeds_of(), coverage_of()
    problems, page = problems_of(seeds, coverage), page_of(seeds, coverage)
    if check and (not PAGE.is_file() or PAGE.read_text() != page):
        problems.append("docs/seed-coverage.md is not as it would be written: `python -m scripts.seed_coverage`.")
    if not check:
        PAGE.write_text(page)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def _told(tests: Sequence[CoveringTest]) -> str:
    named = [f"[{each.name.removeprefix('test_').replace('_', ' ')}](../{each.path})" for each in tests[:NAMED_TESTS]]
    more = len(tests) - NAMED_TESTS
    return "<br>".join([*named, f"and {more} more"] if more > 0 else named)


def _marked(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Each test and criterion of a module, whether the test, its class or the whole module is marked."""
    of_all = [
        criterion
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for criterion in _named_in(node.value)
    ]
    yield from _marked_in(module.body, of_all)


def _marked_in(body: Sequence[ast.stmt], of_all: Sequence[str]) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            own = [*of_all, *(name for decorator in node.decorator_list for name in _named_in(decorator))]
            if isinstance(node, ast.ClassDef):
                yield from _marked_in(node.body, own)
            elif node.name.startswith("test"):
                yield from ((node.name, criterion) for criterion in own)


def _named_in(marks: ast.expr) -> Iterator[str]:
    for node in ast.walk(marks):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f"mark.{MARKER}"):
            yield from (ast.literal_eval(argument) for argument in node.args)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
