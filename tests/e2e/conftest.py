"""What the end-to-end tests speak with: the demo model and its recordings."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from config import ROOT
from scripts.demo_interview import word_error_rate
from tests.conftest import missing_server

DEMO = ROOT / "demo"


@dataclass(frozen=True)
class Spoken:
    """A real recording and what is said in it."""

    name: str
    content: bytes
    transcript: str

    def error_rate(self, heard: str) -> float:
        return word_error_rate(self.transcript, heard)


@pytest.fixture(scope="session")
def spoken() -> dict[str, Spoken]:
    """The demo's recordings by their file name's suffix; `.webm` is the one of more than a minute."""
    questions = json.loads((DEMO / "interview.json").read_text())["questions"]
    paths = {Path(each["recording"]).suffix: each for each in questions}
    return {
        suffix: Spoken(Path(each["recording"]).name, (DEMO / each["recording"]).read_bytes(), each["transcript"])
        for suffix, each in paths.items()
    }


@pytest.fixture(scope="session")
def demo_model() -> str:
    if not list((DEMO / "model").glob("*.safetensors")):
        missing_server("the demo model is not in this checkout")
    return "demo"
