import ast
import re

import pytest

from config import ROOT, load_settings
from scripts.embedded_mongod import DEFAULT_PORT, PORT_VARIABLE

SOURCES = [
    ROOT / "wsgi.py",
    *(path for d in ("config", "app", "services", "tasks", "scripts") for path in (ROOT / d).rglob("*.py")),
]
# Read by libraries, named for whoever sets a machine up.
OF_LIBRARIES = {"HF_HOME"}
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")


def explained() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = [line.removeprefix("# ").partition("=") for line in lines]
    return {name: value for name, equals, value in pairs if equals and NAME.fullmatch(name)}


def names_read_in(source: str) -> set[str]:
    """The literal names in env.int("NAME"), os.environ["NAME"], os.environ.get("NAME") and os.getenv("NAME")."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and isinstance(node.func, ast.Attribute):
            owner, argument = ast.unparse(node.func), node.args[0]
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            owner, argument = ast.unparse(node.value), node.slice
        else:
            continue
        if re.match(r"env\.|os\.environ|os\.getenv", owner) and isinstance(argument, ast.Constant):
            found.add(str(argument.value))
    return {name for name in found if NAME.fullmatch(name)}


def test_every_variable_that_is_read_is_explained_and_no_other():
    read = set().union(*(names_read_in(path.read_text()) for path in SOURCES if path.is_file()))
    assert read | {PORT_VARIABLE} | OF_LIBRARIES == set(explained())


@pytest.mark.parametrize(
    "source", ['env.int("PORT", 1)', 'os.environ["PORT"]', 'os.environ.get("PORT")', 'os.getenv("PORT")']
)
def test_a_variable_is_found_however_it_is_read(source):
    assert names_read_in(source) == {"PORT"}


def test_a_variable_that_is_only_set_does_not_count():
    assert names_read_in('os.environ["PORT"] = "1"') == set()


def test_the_file_shows_the_defaults(monkeypatch):
    for name in explained():
        monkeypatch.delenv(name, raising=False)
    defaults = load_settings(None)
    for name, value in explained().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATA_DIR", str(ROOT / explained()["DATA_DIR"]))
    assert load_settings(None) == defaults
    assert explained()[PORT_VARIABLE] == str(DEFAULT_PORT)


def test_every_line_is_a_comment_so_that_a_copy_changes_nothing():
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []
