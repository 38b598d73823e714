"""Rules of the house that import-linter cannot say."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from typing import get_type_hints

import pytest
from dramatiq import Message
from dramatiq.brokers.stub import StubBroker

from config import ROOT
from services.container import Services
from services.models import AnswerRef
from tasks import feedback, transcription, webhooks
from tasks.broker import build_broker
from tasks.queue import DramatiqQueue

PACKAGES = ("app", "services", "tasks", "scripts")
FILES = sorted([ROOT / "wsgi.py", *(path for name in ("config", *PACKAGES) for path in (ROOT / name).rglob("*.py"))])
MONGODB = {"pymongo", "gridfs", "bson"}
ENVIRONMENT = {"environ", "environb", "getenv", "getenvb", "putenv"}
LONGEST_FILE_LINES = 300
LONGEST_FUNCTION_LINES = 40
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


def imported_by(path: Path) -> set[str]:
    """The full names of the modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def top_levels(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imported_by(path)}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_settings_import_nothing_of_ours():
    for path in (ROOT / "config").glob("*.py"):
        assert not top_levels(path) & {*PACKAGES, "wsgi", "tests"}


def test_only_the_storage_speaks_to_mongodb():
    speaking = [path for path in (ROOT / "services").rglob("*.py") if top_levels(path) & MONGODB]
    assert speaking
    assert {path.parent for path in speaking} == {ROOT / "services" / "storage"}


def reads_environment(source: str) -> bool:
    """Whether it says os.environ or os.getenv, or imports either by itself."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT and ast.unparse(node.value) == "os":
            return True
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and ENVIRONMENT & {each.name for each in node.names}
        ):
            return True
    return False


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "from os import environ", "from os import path, getenv"]
)
def test_reading_the_environment_is_noticed(source: str):
    assert reads_environment(source)
    assert not reads_environment("from os import path\nimport os\nos.getpid()")


def test_only_the_settings_read_the_environment():
    readers = {name_of(path) for path in FILES if reads_environment(path.read_text())}
    # A library's own switches, and what starts processes.
    may_also = {name for name in readers if name.startswith(("scripts/", "services/transcribers/"))}
    assert readers <= may_also


def test_no_model_library_is_loaded_by_importing_the_product():
    code = "import app, config, services.container, tasks.bootstrap, tasks.in_process, sys; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    loaded = set(ran.stdout.split())
    assert "services.transcription" in loaded
    assert not loaded & {"torch", "transformers", "tokenizers", "safetensors"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_stays_within_its_budget(path: Path):
    assert len(path.read_text().splitlines()) <= LONGEST_FILE_LINES


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_function_stays_within_its_budget(path: Path):
    lengths = [
        (node.name, (node.end_lineno or 0) - node.lineno + 1)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    assert [each for each in lengths if each[1] > LONGEST_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_name_says_what_is_inside(path: Path):
    assert not {path.stem, *path.relative_to(ROOT).parent.parts} & VAGUE_NAMES


@pytest.fixture
def broker(services: Services) -> StubBroker:
    """With everything declared that a worker declares."""
    broker = build_broker(None)
    assert isinstance(broker, StubBroker)
    transcription.declare(broker, services)
    feedback.declare(broker, services)
    webhooks.declare(broker, services)
    return broker


def test_every_message_that_is_sent_has_an_actor_and_every_queue_a_worker(broker: StubBroker):
    queue = DramatiqQueue(broker)
    sends = [name for name in vars(DramatiqQueue) if not name.startswith("_")]
    for name in sends:
        takes_an_answer = AnswerRef in get_type_hints(getattr(DramatiqQueue, name)).values()
        getattr(queue, name)(AnswerRef("s", "q", "a") if takes_an_answer else "id")
    sent = [Message.decode(data) for waiting in broker.queues.values() for data in drained(waiting)]
    assert len(sent) == len(sends)
    for message in sent:
        assert broker.get_actor(message.actor_name).queue_name == message.queue_name
    assert broker.get_declared_queues() - broker.delay_queues == {actor.queue_name for actor in broker.actors.values()}


def drained(waiting: "Queue[bytes]") -> Iterator[bytes]:
    while not waiting.empty():
        yield waiting.get_nowait()


def test_pins_are_versions_that_every_index_has():
    pins = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert len(pins) > 50
    # A local version ("torch==2.13.0+cpu") or a path is of the machine that froze it.
    assert [pin for pin in pins if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*", pin)] == []
