"""Every program of docs/clients.md does what the page says, against the product as it is started there."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from config import ROOT
from tests.conftest import missing_server
from tests.e2e.product import Product
from tests.e2e.stored import place_for_a_product

pytestmark = pytest.mark.e2e

PAGE = ROOT / "docs" / "clients.md"
SNIPPET = re.compile(r"^```(?P<language>sh|python|js) (?P<way>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
ENDING = {"sh": "sh", "python": "py", "js": "mjs"}
# A dozen seconds of speech on a busy machine, and the start of a program.
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Snippet:
    language: str
    way: str
    code: str


SNIPPETS = [Snippet(**found.groupdict()) for found in SNIPPET.finditer(PAGE.read_text())]


@pytest.fixture(scope="module")
def running(tmp_path_factory, demo_model) -> Iterator[httpx.Client]:
    data_dir = tmp_path_factory.mktemp("product") / "var"
    with (
        place_for_a_product() as place,
        Product(data_dir, **place.settings, WHISPER_MODEL=demo_model) as product,
        product.wait_until_ready() as client,
    ):
        yield client


def program_for(language: str) -> list[str]:
    if language == "python":
        return [sys.executable]
    if language == "sh":
        if shutil.which("curl") is None:
            missing_server("curl is not installed")
        return ["bash"]
    # Of a package of the development requirements, whatever is installed beside it.
    return [str(Path(sys.executable).with_name("node"))]


def newest_interview_is_submitted(client: httpx.Client) -> bool:
    (newest,) = client.get("/api/sessions", params={"limit": 1}).json()["sessions"]
    return client.get(f"/api/sessions/{newest['id']}").json()["submitted_at"] is not None


def there_is_one_completed_job(client: httpx.Client) -> bool:
    return [job["status"] for job in client.get("/api/jobs").json()["jobs"]] == ["completed"]


# What there is when a program of this way has ended.
LEFT = {"mentor": newest_interview_is_submitted, "job": there_is_one_completed_job}


def test_each_way_is_shown_in_each_language():
    shown = {(each.way, each.language) for each in SNIPPETS}
    ways = {(way, language) for way in ("poll", "sse", "websocket") for language in ENDING}
    assert shown == ways | {("mentor", "sh"), ("job", "sh")}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda each: f"{each.way}-{each.language}")
def test_a_program_of_the_page_hears_the_transcript(running: httpx.Client, spoken, snippet: Snippet, tmp_path: Path):
    program, said = tmp_path / f"client.{ENDING[snippet.language]}", spoken[".m4a"]
    program.write_text(snippet.code)
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PARLEY_URL": str(running.base_url).rstrip("/"),
        "PARLEY_TOKEN": running.headers["Authorization"].removeprefix("Bearer "),
        "RECORDING": str(ROOT / "demo" / "recordings" / said.name),
    }
    command = [*program_for(snippet.language), str(program)]
    ran = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert ran.returncode == 0, ran.stderr
    heard = max(ran.stdout.splitlines(), key=len)
    assert said.error_rate(heard) < 0.1, ran.stdout
    assert LEFT.get(snippet.way, lambda _: True)(running)
