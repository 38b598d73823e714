"""Writes docs/quality.md and its pictures."""

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from scripts.bench.figures import Figure
from scripts.quality.section import Section, table

PACKAGES = ("torch", "transformers", "silero-vad", "onnxruntime", "av", "numpy", "jiwer")
HEAD = """\
# How well it hears

Written by `make quality` ({command}), {date} UTC, on {machine}.
{versions}.

{summary}

## What this does not say

The speech is that of espeak-ng, the model is the demo model of this repository, the language is English. That a bar is
met says that the way from a recording to timed text is sound: that nothing is lost, invented or moved on it. It says
nothing about how well people are understood; that depends on the model you choose, and on rooms, microphones, accents
and languages that are not in here. The demo model has a vocabulary of some five hundred words and was trained on this
kind of voice, so that its figures are better than any model's would be on people, and where it is weak (several
sentences in one window, sentences that are cut) real models are strong. Probabilities are calibrated for this model
alone: for another, put a `calibration.json` of its own beside its weights. Noise is made, not recorded, and there is no
speech in noise here.
"""
RESTART = """\
## A worker that is killed

`{test}` kills a worker process with SIGKILL in the seventh of ten windows, and another goes on there: that window is
heard twice and no other, and the text is what it would have been. It is not measured here; it runs in `make test`.
"""
KILL_TEST = "tests/e2e/test_killed_in_a_window.py"


def write_report(folder: Path, sections: Sequence[Section], machine: str, command: str) -> Path:
    """The page, with the pictures beside it."""
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    for section in sections:
        for name, picture in section.pictures.items():
            (pictures / name).write_text(picture)
    page = folder / "quality.md"
    head = HEAD.format(
        command=f"`{command}`",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        machine=machine,
        versions=_versions(),
        summary=table(("what", "measured", "bar", ""), [_row(each) for s in sections for each in s.figures]),
    )
    parts = [f"## {section.title}\n\n{section.text}\n" for section in sections]
    page.write_text("\n".join([head, *parts, RESTART.format(test=KILL_TEST)]))
    return page


def _row(figure: Figure) -> tuple[str, str, str, str]:
    note = f" ({figure.note})" if figure.note else ""
    value = f"{figure.value:.3f}".rstrip("0").rstrip(".")
    verdict = "met" if figure.is_met else "**missed**"
    return f"{figure.name}{note}", f"{value} {figure.unit}".strip(), f"≤ {figure.bar:g}", verdict


def _versions() -> str:
    espeak = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True).stdout.split()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return f"Python {platform.python_version()}, espeak-ng {espeak[3]}, {packages}"
