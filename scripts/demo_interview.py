"""The demo's interview: five questions, their recordings, and what is said in them (demo/interview.json)."""

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer

from config import ROOT

DEMO = ROOT / "demo"
_AS_WORDS = jiwer.Compose(
    [
        jiwer.ToLowerCase(),
        jiwer.SubstituteRegexes({rf"[{string.punctuation}]": " "}),
        jiwer.RemoveMultipleSpaces(),
        jiwer.Strip(),
        jiwer.ReduceToListOfListOfWords(),
    ]
)


@dataclass(frozen=True, slots=True)
class DemoQuestion:
    """A question with the recording that answers it; `transcript` is what was spoken."""

    id: str
    asked: dict[str, Any]
    recording: Path
    transcript: str


@dataclass(frozen=True, slots=True)
class Interview:
    language: str
    questions: tuple[DemoQuestion, ...]


def read_interview() -> Interview:
    """The bundled interview."""
    content = json.loads((DEMO / "interview.json").read_text(encoding="utf-8"))
    questions = []
    for each in content["questions"]:
        asked = {name: each[name] for name in ("id", "prompt", "model_answer", "key_points")}
        questions.append(DemoQuestion(each["id"], asked, DEMO / each["recording"], each["transcript"]))
    return Interview(content["language"], tuple(questions))


def word_error_rate(expected: str, heard: str) -> float:
    """Wrong, missing and surplus words over the words expected; letter case and punctuation do not count."""
    return float(jiwer.wer(expected, heard, reference_transform=_AS_WORDS, hypothesis_transform=_AS_WORDS))
